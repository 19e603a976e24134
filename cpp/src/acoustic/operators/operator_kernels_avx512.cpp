#include "acoustic/operators/lanes_avx512.h"

namespace fastctc::operators {
namespace {

constexpr std::size_t kMostRows = 14;  // 28 sums, 2 weights, 1 input: 31 of 32 registers

}  // namespace
}  // namespace fastctc::operators

#define KERNEL_OBJECT kFloatKernelAvx512
#include "acoustic/operators/operator_kernels.inc"
