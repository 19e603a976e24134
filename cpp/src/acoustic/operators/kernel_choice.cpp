#include <array>
#include <string>

#include "acoustic/operators/kernel.h"
#include "fastctc/error.h"
#include "processor.h"

namespace fastctc::operators {
namespace {

struct Choice {
  Kernel kernel;
  bool (*runs)();
};

#if defined(FASTCTC_X86_KERNELS)

// The best first. AVX-512 without VNNI is met by processors of 2017 to 2019 only.
const std::array<Choice, 5>& choices() {
  static const std::array<Choice, 5> all = {{
      {{kFloatKernelAvx512, "amx", kMultiplyIntegersAmx}, [] { return has_avx512() && has_amx_int8(); }},
      {{kFloatKernelAvx512, "avx512_vnni", kMultiplyIntegersAvx512Vnni},
       [] { return product_instructions().avx512_vnni; }},
      {{kFloatKernelAvx512, "avx512", kMultiplyIntegersAvx2}, [] { return has_avx512() && has_avx2_fma(); }},
      {{kFloatKernelAvx2, "avx2_vnni", kMultiplyIntegersAvx2Vnni},
       [] { return has_avx2_fma() && product_instructions().avx_vnni; }},
      {{kFloatKernelAvx2, "avx2", kMultiplyIntegersAvx2}, has_avx2_fma},
  }};
  return all;
}

#else

const std::array<Choice, 0>& choices() {
  static const std::array<Choice, 0> none;
  return none;
}

#endif

}  // namespace

const Kernel* choose_kernel(const std::string& instruction_set) {
  if (instruction_set == "baseline") return nullptr;
  for (const Choice& choice : choices()) {
    if ((instruction_set == "automatic" || instruction_set == choice.kernel.name) && choice.runs())
      return &choice.kernel;
  }
  if (instruction_set == "automatic") return nullptr;
  for (const char* known : {"avx2", "avx2_vnni", "avx512", "avx512_vnni", "amx"}) {
    if (instruction_set == known) {
      throw OptionError("Option instruction_set: this processor does not have " + instruction_set +
                        ". Use automatic, or baseline.");
    }
  }
  throw OptionError(
      "Option instruction_set must be one of automatic, baseline, avx2, avx2_vnni, avx512, avx512_vnni, amx, not '" +
      instruction_set + "'.");
}

}  // namespace fastctc::operators
