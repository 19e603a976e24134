#include "frontend/fbank_kernel_choice.h"

#include <string>

#include "base/processor.h"
#include "fastctc/error.h"

namespace fastctc::frontend {
namespace {

const Kernel* kernel_if_it_runs(InstructionSet set) {
#if defined(FASTCTC_X86_KERNELS)
  if (set == InstructionSet::avx512) return has_avx512() ? &avx512::kKernel : nullptr;
  if (set == InstructionSet::avx2) return has_avx2() ? &avx2::kKernel : nullptr;
#endif
  return set == InstructionSet::baseline ? &baseline::kKernel : nullptr;
}

}  // namespace

const Kernel& choose_kernel(InstructionSet wanted) {
  std::string runs;
  for (const InstructionSet set : {InstructionSet::avx512, InstructionSet::avx2, InstructionSet::baseline}) {
    const Kernel* kernel = kernel_if_it_runs(set);
    if (kernel == nullptr) continue;
    if (wanted == InstructionSet::automatic || wanted == set) return *kernel;
    runs += (runs.empty() ? "" : ", ") + std::string(kernel->name);
  }
  throw OptionError(
      "Option frontend.instruction_set asks for instructions that this processor does not have; it runs " + runs +
      ". Use automatic.");
}

}  // namespace fastctc::frontend
