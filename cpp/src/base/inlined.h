// What kernels ask of g++ and clang.
#pragma once

#define FASTCTC_INLINE inline __attribute__((always_inline))
// Before loops over a small array that lives in registers only if every index is a constant.
#if defined(__clang__)
#define FASTCTC_UNROLL _Pragma("clang loop unroll(full)")
#else
#define FASTCTC_UNROLL _Pragma("GCC unroll 16")
#endif
