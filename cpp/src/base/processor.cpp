#include "base/processor.h"

#if defined(__x86_64__) || defined(_M_X64)
#define FASTCTC_X86 1
#if defined(_MSC_VER)
#include <immintrin.h>
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace fastctc {

#if defined(FASTCTC_X86) && defined(_MSC_VER)

namespace {

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

}  // namespace

bool has_avx2() {
  int info[4];
  __cpuid(info, 1);
  return leaf7_has(1u << 5, 0x6) && (info[2] & (1 << 12)) != 0;
}
// State of masks and upper halves.
bool has_avx512() { return leaf7_has(1u << 16 | 1u << 17 | 1u << 30 | 1u << 31, 0xE6); }

#elif defined(FASTCTC_X86)

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

#else

bool has_avx2() { return false; }
bool has_avx512() { return false; }

#endif

#if defined(FASTCTC_X86)

ProductInstructions product_instructions() {
  unsigned leaf7[4] = {};  // EAX (the last subleaf), EBX, ECX, EDX
  unsigned leaf7_1[4] = {};
#if defined(_MSC_VER)
  int info[4];
  __cpuid(info, 0);
  if (info[0] >= 7) {
    __cpuidex(reinterpret_cast<int*>(leaf7), 7, 0);
    if (leaf7[0] >= 1) __cpuidex(reinterpret_cast<int*>(leaf7_1), 7, 1);
  }
#else
  if (__get_cpuid_count(7, 0, &leaf7[0], &leaf7[1], &leaf7[2], &leaf7[3]) && leaf7[0] >= 1) {
    __get_cpuid_count(7, 1, &leaf7_1[0], &leaf7_1[1], &leaf7_1[2], &leaf7_1[3]);
  }
#endif
  ProductInstructions found;
  found.x86 = true;
  found.avx_vnni = has_avx2() && (leaf7_1[0] & 1u << 4) != 0;
  found.avx512_vnni = has_avx512() && (leaf7[2] & 1u << 11) != 0;
  return found;
}

#else

ProductInstructions product_instructions() { return {}; }

#endif

#if defined(FASTCTC_X86) && defined(__linux__)

bool has_amx_int8() {
  constexpr unsigned kTiles = 1u << 24, kInt8 = 1u << 25;
  constexpr long kAskForState = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  const bool has = __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (edx & kTiles) != 0 && (edx & kInt8) != 0;
  return has && syscall(SYS_arch_prctl, kAskForState, kTileData) == 0;
}

#else

bool has_amx_int8() { return false; }

#endif

bool products_saturate(const ProductInstructions& instructions) {
  return instructions.x86 && !instructions.avx_vnni && !instructions.avx512_vnni;
}

}  // namespace fastctc
