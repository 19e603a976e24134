// Hashes of bytes, to find what is the same. Not cryptographic: whoever must be sure compares.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fastctc {

// 128 bits (XXH3) as hexadecimal digits. Where one part ends and the next begins counts.
std::string content_hash(const std::vector<std::string_view>& parts);

}  // namespace fastctc
