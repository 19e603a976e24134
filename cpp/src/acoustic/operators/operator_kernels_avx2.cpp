#include "acoustic/operators/lanes_avx2.h"

namespace fastctc::operators {
namespace {

constexpr std::size_t kMostRows = 6;  // 12 sums, 2 weights, 1 input: 15 of 16 registers

}  // namespace
}  // namespace fastctc::operators

#define KERNEL_OBJECT kFloatKernelAvx2
#include "acoustic/operators/operator_kernels.inc"
