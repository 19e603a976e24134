#define LANES 4
#define KERNEL_OBJECT kKernelAvx2
#define KERNEL_NAME "avx2"
#include "frontend/fbank_kernel.inc"  // NOLINT(bugprone-suspicious-include)
