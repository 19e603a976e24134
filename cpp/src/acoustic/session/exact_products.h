// Products of 8-bit integers that don't saturate.
#pragma once

#include <algorithm>

#include "fastctc/options.h"

namespace fastctc {

// On x86 processors without VNNI, ONNX Runtime's kernels for uint8 x int8 add two products in 16 bits. This option
// makes it multiply uint8 x uint8, which is exact and slower. On other processors it would only turn off faster kernels
// that are exact too.
constexpr char kExactProducts[] = "session.x64quantprecision";

// The caller's own value of this option stays.
inline SessionOptions with_exact_products(SessionOptions options, bool products_saturate) {
  const bool said = std::any_of(options.config_entries.begin(), options.config_entries.end(),
                                [](const auto& entry) { return entry.first == kExactProducts; });
  if (products_saturate && !said) options.config_entries.emplace_back(kExactProducts, "1");
  return options;
}

}  // namespace fastctc
