#include "options/option_values.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <sstream>

#include "base/numbers.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

constexpr int kMaxDepth = 8;
constexpr std::size_t kMaxBytes = 16 << 20;

bool read_integer(const std::string& text, long long& value) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc() && result.ptr == end;
}

// What JSON has no numbers for comes as text: the caller's range decides.
bool read_number(const std::string& text, double& value) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [name, meaning] : {std::pair{"inf", kInfinity}, {"-inf", -kInfinity}, {"nan", kNaN}}) {
    if (text == name) return value = meaning, true;
  }
  return parse_number(text, &value);
}

std::string quoted(const Json& value) { return value.is_string() ? "'" + shown(value) + "'" : shown(value); }

std::string within(const std::string& noun, const Range& range) {
  const std::string text = range.text();
  return text.empty() ? noun : noun + " " + text;
}

std::string number_within(const Range& range) {
  return within(
      range.text().empty() && range.contains(0) && !range.contains(kInfinity) ? "a finite number" : "a number", range);
}

}  // namespace

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (value.is_string()) text = text.substr(1, text.size() - 2);
  return text.size() <= 80 ? text : text.substr(0, 77) + "...";
}

void refuse_option(const std::string& name, const std::string& expected, const std::string& value) {
  throw OptionError("Option " + name + " must be " + expected + ", not " + value + ".");
}

Json parse_object(const std::string& json) {
  if (json.size() > kMaxBytes) throw OptionError("The options are longer than 16 MiB. Give less at a time.");
  Json object;
  try {
    const auto shallow = [](int depth, Json::parse_event_t, Json&) {
      if (depth > kMaxDepth) throw OptionError("The options are nested more than 8 levels deep. No option is.");
      return true;
    };
    object = Json::parse(json, shallow);
  } catch (const Json::exception& error) {
    throw OptionError(std::string("The options are not JSON: ") + error.what());
  }
  require_object(object, "");
  return object;
}

void require_object(const Json& object, const std::string& prefix) {
  if (object.is_object()) return;
  const std::string name = prefix.empty() ? "The options" : "Option " + prefix.substr(0, prefix.size() - 1);
  throw OptionError(name + " must be an object of fields, not " + quoted(object) + ".");
}

std::string Range::text() const {
  const bool has_lowest = lowest > -std::numeric_limits<double>::max();
  const bool has_highest = highest < std::numeric_limits<double>::max();
  std::string above = (is_open ? "above " : "from ") + to_text(lowest);
  if (has_lowest && has_highest) {
    return above + (is_open ? " and at most " : " to ") + to_text(highest);
  }
  if (has_lowest) return above;
  return has_highest ? "up to " + to_text(highest) : "";
}

bool Range::contains(double value) const { return (is_open ? value > lowest : value >= lowest) && value <= highest; }

bool flag_of(const std::string& name, const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  const std::string text = value.is_string() ? value.get<std::string>() : "";
  if (text == "true" || text == "True" || text == "1") return true;
  if (text == "false" || text == "False" || text == "0") return false;
  refuse_option(name, "true or false", quoted(value));
}

long long integer_of(const std::string& name, const Json& value, const Range& range) {
  long long number = 0;
  const bool fits = !value.is_number_unsigned() || value.get<std::uint64_t>() <= INT64_MAX;
  if (value.is_number_integer() && fits) {
    number = value.get<long long>();
  } else if (!value.is_string() || !read_integer(value.get<std::string>(), number)) {
    refuse_option(name, within("an integer", range), quoted(value));
  }
  check_integer(name, number, range);
  return number;
}

double number_of(const std::string& name, const Json& value, const Range& range) {
  double number = 0;
  if (value.is_number()) {
    number = value.get<double>();
  } else if (!value.is_string() || !read_number(value.get<std::string>(), number)) {
    refuse_option(name, number_within(range), quoted(value));
  }
  check_number(name, number, range);
  return number;
}

std::string text_of(const std::string& name, const Json& value) {
  if (!value.is_string()) refuse_option(name, "text", quoted(value));
  return value.get<std::string>();
}

std::vector<float> numbers_of(const std::string& name, const Json& value) {
  std::vector<float> numbers;
  if (value.is_array()) {
    for (const Json& item : value) numbers.push_back(static_cast<float>(number_of(name, item, {})));
    return numbers;
  }
  std::istringstream stream(text_of(name, value));
  for (std::string item; std::getline(stream, item, ',');) {
    numbers.push_back(static_cast<float>(number_of(name, item, {})));
  }
  return numbers;
}

std::vector<std::pair<std::string, std::string>> pairs_of(const std::string& name, const Json& value) {
  if (!value.is_object()) refuse_option(name, "an object of names and values", quoted(value));
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [key, item] : value.items()) {
    bool is_list = item.is_array();
    for (const Json& number : item) is_list = is_list && number.is_number();
    if (!item.is_string() && !item.is_boolean() && !item.is_number() && !is_list) {
      refuse_option(name + "." + shown(key), "text, a number, a list of numbers, or true or false", quoted(item));
    }
    pairs.emplace_back(key, to_text(item));
  }
  return pairs;
}

std::size_t choice_of(const std::string& name, const Json& value, const std::vector<std::string>& choices) {
  std::string list;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (value == choices[i]) return i;
    list += (i == 0 ? "" : ", ") + choices[i];
  }
  refuse_option(name, "one of " + list, quoted(value));
}

void check_integer(const std::string& name, long long value, const Range& range) {
  if (range.contains(static_cast<double>(value))) return;
  refuse_option(name, within("an integer", range), std::to_string(value));
}

void check_number(const std::string& name, double value, const Range& range) {
  if (range.contains(value)) return;
  refuse_option(name, number_within(range), to_text(value));
}

std::string to_text(double value) {
  const bool is_integer = value == std::floor(value) && std::abs(value) < 1e15;
  return is_integer ? std::to_string(static_cast<long long>(value)) : number_text(value);
}

std::string to_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return to_text(value.get<double>());
  if (!value.is_array()) return value.dump();
  std::string list;
  for (const Json& item : value) list += (list.empty() ? "" : ",") + to_text(item);
  return list;
}

long long integer_from_text(const std::string& name, const std::string& text, long long lowest, long long highest) {
  return integer_of(name, text, {static_cast<double>(lowest), static_cast<double>(highest)});
}

}  // namespace fastctc
