// Decimal numbers in files, in no locale but C.
#pragma once

#include <string_view>

namespace fastctc {

// Reads all of the text as [+-]digits[.digits][e[+-]digits]; false where it is anything else, or too large. Within a
// few units in the last place of double.
bool parse_decimal(std::string_view text, double* value);

}  // namespace fastctc
