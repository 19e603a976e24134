// Values of options from JSON and from text, the ranges of numbers, and the one wording of what is wrong with them.
#pragma once

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace fastctc {

using Json = nlohmann::json;

// Raises OptionError where the text is not one JSON object of a size that options may have.
Json parse_object(const std::string& json);
// Raises OptionError where it is none; prefix: of its fields' names, as "decoder."
void require_object(const Json& object, const std::string& prefix);
// As much of a value or a name as a message needs; never throws on text that is not UTF-8.
std::string shown(const Json& value);

[[noreturn]] void refuse_option(const std::string& name, const std::string& expected, const std::string& value);

// Which numbers a field takes; NaN never is one.
struct Range {
  double lowest = -std::numeric_limits<double>::max();
  double highest = std::numeric_limits<double>::max();
  bool is_open = false;  // without its lowest

  std::string text() const;  // "from 1 to 8", "above 0", ...
  bool contains(double value) const;
};
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Each takes text too: command lines and configuration files have nothing else. Raise OptionError that names the option
// and says what it takes.
bool flag_of(const std::string& name, const Json& value);
long long integer_of(const std::string& name, const Json& value, const Range& range);
double number_of(const std::string& name, const Json& value, const Range& range);
std::string text_of(const std::string& name, const Json& value);
std::vector<float> numbers_of(const std::string& name, const Json& value);  // an array, or text with commas
std::vector<std::pair<std::string, std::string>> pairs_of(const std::string& name, const Json& value);
// Position in the names of the choices.
std::size_t choice_of(const std::string& name, const Json& value, const std::vector<std::string>& choices);
void check_integer(const std::string& name, long long value, const Range& range);
void check_number(const std::string& name, double value, const Range& range);

// A number as text that reads back exactly, as short as can be; a value as manifests write it (a list with commas).
std::string to_text(double value);
std::string to_text(const Json& value);
long long integer_from_text(const std::string& name, const std::string& text, long long lowest, long long highest);

}  // namespace fastctc
