#include <cmath>
#include <cstdlib>
#include <locale>
#include <sstream>

#include "fastctc/error.h"
#include "options/options_text.h"

namespace fastctc {
namespace {

// The classic locale, so that a process that set a decimal comma reads manifests all the same.
template <class T>
std::string exact_text(T value, int digits) {
  std::ostringstream stream;
  stream.imbue(std::locale::classic());
  stream.precision(digits);
  stream << value;
  return stream.str();
}

template <class T>
bool read_all(const std::string& text, T& value) {
  std::istringstream stream(text);
  stream.imbue(std::locale::classic());
  stream >> value;
  return !stream.fail() && stream.peek() == std::char_traits<char>::eof();
}

}  // namespace

std::string to_text(double value) {
  for (int digits = 6; digits < 17; ++digits) {
    const std::string text = exact_text(value, digits);
    double back = 0;
    if (read_all(text, back) && back == value) return text;
  }
  return exact_text(value, 17);
}

std::string to_text(float value) { return exact_text(value, 9); }

long long integer_from_text(const std::string& option, const std::string& text, long long lowest, long long highest) {
  long long value = 0;
  if (!read_all(text, value) || value < lowest || value > highest) {
    throw OptionError("Option " + option + " must be an integer from " + std::to_string(lowest) + " to " +
                      std::to_string(highest) + ", not '" + text + "'.");
  }
  return value;
}

double number_from_text(const std::string& option, const std::string& text) {
  double value = 0;
  if (!read_all(text, value) || !std::isfinite(value)) {
    throw OptionError("Option " + option + " must be a finite number, not '" + text + "'.");
  }
  return value;
}

bool flag_from_text(const std::string& option, const std::string& text) {
  if (text == "true" || text == "True" || text == "1") return true;
  if (text == "false" || text == "False" || text == "0") return false;
  throw OptionError("Option " + option + " must be true or false, not '" + text + "'.");
}

}  // namespace fastctc
