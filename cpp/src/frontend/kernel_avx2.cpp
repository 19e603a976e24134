#define LANES 4
#define KERNEL_OBJECT kKernelAvx2
#define KERNEL_NAME "avx2"
#include "kernel.inc"  // NOLINT(bugprone-suspicious-include)
