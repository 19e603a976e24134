// Upper and lower case that is told apart no more.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fastctc {

// Simple case folding (Unicode's CaseFolding.txt, one character to one).
std::uint32_t fold_case(std::uint32_t character);

// The same for all of a UTF-8 text; bytes that are none stay.
std::string fold_case(const std::string& text);

// All characters that fold_case changes.
std::vector<std::uint32_t> list_folded();

}  // namespace fastctc
