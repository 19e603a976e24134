// Instructions that this processor has, and the operating system lets programs use.
#pragma once

namespace fastctc {

bool has_avx2();
bool has_avx2_fma();
// F, DQ, BW and VL.
bool has_avx512();

}  // namespace fastctc
