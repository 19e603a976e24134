#pragma once

#include "fastctc/options.h"
#include "frontend/fbank_kernel.h"

namespace fastctc::frontend {

// The widest kernel that the processor and the operating system can run, or the one asked for.
// Raises OptionError when that one can't run here.
const Kernel& choose_kernel(InstructionSet wanted);

}  // namespace fastctc::frontend
