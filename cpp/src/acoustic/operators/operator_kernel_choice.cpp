#include <string>
#include <vector>

#include "acoustic/operators/operator_kernels.h"
#include "base/processor.h"
#include "fastctc/error.h"

namespace fastctc::operators {
namespace {

struct Choice {
  Kernel kernel;
  bool (*runs)();
};

// The best first. Empty on other processors.
const std::vector<Choice>& choices() {
  static const std::vector<Choice> all = {
#if defined(FASTCTC_X86_KERNELS)
      {{avx512::kFloatKernel, "amx", amx::kMultiplyIntegers}, [] { return has_avx512() && has_amx_int8(); }},
      {{avx512::kFloatKernel, "avx512_vnni", avx512_vnni::kMultiplyIntegers},
       [] { return product_instructions().avx512_vnni; }},
      {{avx512::kFloatKernel, "avx512", avx512::kMultiplyIntegers}, [] { return has_avx512() && has_avx2(); }},
      {{avx2::kFloatKernel, "avx2_vnni", avx2_vnni::kMultiplyIntegers},
       [] { return has_avx2() && product_instructions().avx_vnni; }},
      {{avx2::kFloatKernel, "avx2", avx2::kMultiplyIntegers}, has_avx2},
#endif
  };
  return all;
}

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
      throw OptionError("Option session.instruction_set: this processor does not have " + instruction_set +
                        ". Use automatic, or baseline.");
    }
  }
  throw OptionError(
      "Option session.instruction_set must be one of automatic, baseline, avx2, avx2_vnni, avx512, avx512_vnni, amx, "
      "not '" +
      instruction_set + "'.");
}

}  // namespace fastctc::operators
