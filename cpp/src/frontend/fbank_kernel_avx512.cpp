#define LANES 8
#define KERNEL_OBJECT kKernelAvx512
#define KERNEL_NAME "avx512"
#include "frontend/fbank_kernel.inc"  // NOLINT(bugprone-suspicious-include)
