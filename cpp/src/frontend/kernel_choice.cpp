#include "kernel_choice.h"

#include <string>

#include "fastctc/error.h"

#if defined(FASTCTC_X86_KERNELS) && defined(_MSC_VER)
#include <immintrin.h>
#include <intrin.h>
#endif

namespace fastctc::frontend {
namespace {

#if defined(FASTCTC_X86_KERNELS) && defined(_MSC_VER)

// Leaf 7's features, counted only if the operating system saves the registers (bits of XCR0).
bool leaf7_has(unsigned mask, unsigned long long saved) {
  int info[4];
  __cpuid(info, 0);
  if (info[0] < 7) return false;
  __cpuid(info, 1);
  const bool xsave_on = (info[2] & (1 << 27)) != 0;
  if (!xsave_on || (_xgetbv(0) & saved) != saved) return false;
  __cpuidex(info, 7, 0);
  return (static_cast<unsigned>(info[1]) & mask) == mask;
}

bool has_avx2() { return leaf7_has(1u << 5, 0x6); }
// F, DQ, BW, VL; state of masks and upper halves.
bool has_avx512() { return leaf7_has(1u << 16 | 1u << 17 | 1u << 30 | 1u << 31, 0xE6); }

#elif defined(FASTCTC_X86_KERNELS)

bool has_avx2() { return __builtin_cpu_supports("avx2"); }
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

#endif

const Kernel* kernel_if_it_runs(InstructionSet set) {
#if defined(FASTCTC_X86_KERNELS)
  if (set == InstructionSet::avx512) return has_avx512() ? &kKernelAvx512 : nullptr;
  if (set == InstructionSet::avx2) return has_avx2() ? &kKernelAvx2 : nullptr;
#endif
  return set == InstructionSet::baseline ? &kKernelBaseline : nullptr;
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
