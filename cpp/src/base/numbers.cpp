#include "base/numbers.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

namespace fastctc {
namespace {

template <class T>
std::string shortest_text(T value) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

}  // namespace

bool parse_number(std::string_view text, double* value) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(text.substr(1, 1) == "-" ? 0 : 1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) return false;
  if (error == std::errc::result_out_of_range) {
    // Libraries differ in what they leave in `number`. What is not too small is too large.
    const std::size_t exponent = text.find_first_of("eE");
    if (exponent == std::string_view::npos || text[exponent + 1] != '-') return false;
    number = 0;
  }
  if (!std::isfinite(number)) return false;
  *value = number;
  return true;
}

bool parse_number(std::string_view text, std::uint64_t* value) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) return false;
  *value = error == std::errc() ? number : std::numeric_limits<std::uint64_t>::max();
  return true;
}

std::string number_text(double value) { return shortest_text(value); }

std::string number_text(float value) { return shortest_text(value); }

}  // namespace fastctc
