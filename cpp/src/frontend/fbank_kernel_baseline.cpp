#define LANES 2
#define KERNEL_OBJECT kKernelBaseline
#define KERNEL_NAME "baseline"
#include "frontend/fbank_kernel.inc"  // NOLINT(bugprone-suspicious-include)
