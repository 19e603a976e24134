// Instructions that this processor has, and the operating system lets programs use.
#pragma once

namespace fastctc {

// And FMA.
bool has_avx2();
// F, DQ, BW and VL.
bool has_avx512();
// Products of 8-bit integers in tiles. Asks the operating system to let this process have tiles.
bool has_amx_int8();

// How this processor multiplies 8-bit integers.
struct ProductInstructions {
  bool x86 = false;
  bool avx_vnni = false;
  bool avx512_vnni = false;  // every processor with AMX has it
};
ProductInstructions product_instructions();
// Whether two products of uint8 x int8 are added in 16 bits (vpmaddubsw), which can saturate.
bool products_saturate(const ProductInstructions& instructions);

}  // namespace fastctc
