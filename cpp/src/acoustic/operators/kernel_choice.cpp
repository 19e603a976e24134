#include <string>

#include "acoustic/operators/kernel.h"
#include "fastctc/error.h"
#include "processor.h"

namespace fastctc::operators {
namespace {

const Kernel* kernel_if_it_runs(const std::string& name) {
#if defined(FASTCTC_X86_KERNELS)
  if (name == "avx512") return has_avx512() ? &kKernelAvx512 : nullptr;
  if (name == "avx2") return has_avx2_fma() ? &kKernelAvx2 : nullptr;
#endif
  static_cast<void>(name);
  return nullptr;
}

}  // namespace

const Kernel* choose_kernel(const std::string& instruction_set) {
  constexpr const char* kNames[] = {"avx512", "avx2"};
  if (instruction_set == "baseline") return nullptr;
  if (instruction_set == "automatic") {
    for (const char* name : kNames) {
      if (const Kernel* kernel = kernel_if_it_runs(name)) return kernel;
    }
    return nullptr;
  }
  for (const char* name : kNames) {
    if (instruction_set != name) continue;
    if (const Kernel* kernel = kernel_if_it_runs(name)) return kernel;
    throw OptionError("Option instruction_set: this processor does not have " + instruction_set +
                      ". Use automatic, or baseline.");
  }
  throw OptionError("Option instruction_set must be one of automatic, baseline, avx2, avx512, not '" + instruction_set +
                    "'.");
}

}  // namespace fastctc::operators
