#include "base/decimal.h"

#include <cmath>
#include <cstdint>
#include <limits>

namespace fastctc {
namespace {

// Powers of ten that double holds exactly.
constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr std::uint64_t kMostDigits = 100000000000000000u;  // more digits than double tells apart
constexpr int kLargestExponent = 9999;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

double scale(double value, int exponent) {
  if (exponent >= 0 && exponent <= 22) return value * kPowers[exponent];
  if (exponent < 0 && exponent >= -22) return value / kPowers[-exponent];
  return value * std::pow(10.0, exponent);
}

}  // namespace

bool parse_decimal(std::string_view text, double* value) {
  std::size_t at = 0;
  const auto sign = [&]() {
    const bool negative = at < text.size() && text[at] == '-';
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    return negative;
  };
  const bool negative = sign();
  std::uint64_t digits = 0;
  int exponent = 0;
  bool any = false;
  bool in_fraction = false;
  for (; at < text.size() && (is_digit(text[at]) || (text[at] == '.' && !in_fraction)); ++at) {
    if (text[at] == '.') {
      in_fraction = true;
      continue;
    }
    any = true;
    if (digits < kMostDigits) {
      digits = digits * 10 + static_cast<std::uint64_t>(text[at] - '0');
      exponent -= in_fraction;
    } else {
      exponent += !in_fraction;  // the digit is lost
    }
    if (exponent > kLargestExponent) return false;
  }
  if (!any) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    const bool negative_exponent = sign();
    int given = 0;
    if (at == text.size()) return false;
    for (; at < text.size() && is_digit(text[at]); ++at) {
      if (given <= kLargestExponent) given = given * 10 + (text[at] - '0');
    }
    exponent += negative_exponent ? -given : given;
  }
  if (at != text.size()) return false;
  const double magnitude = digits == 0 ? 0 : scale(static_cast<double>(digits), exponent);
  if (!(magnitude <= std::numeric_limits<double>::max())) return false;
  *value = negative ? -magnitude : magnitude;
  return true;
}

}  // namespace fastctc
