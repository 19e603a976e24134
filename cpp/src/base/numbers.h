// Numbers as text, the same in every locale.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fastctc {

// Reads all of the text as [+-]digits[.digits][e[+-]digits], to the nearest double; numbers too small for one read as
// 0. False where the text is anything else, "inf" and "nan" among it, or too large.
bool parse_number(std::string_view text, double* value);

// Reads all of the text as digits; numbers past 64 bits read as the largest. False where it is anything else.
bool parse_number(std::string_view text, std::uint64_t* value);

// The shortest text that reads back as the same value.
std::string number_text(double value);
std::string number_text(float value);

}  // namespace fastctc
