// Makers of the rows of option tables.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "options/option_table.h"

namespace fastctc::option_rows {

template <class O>
OptionRow<O> flag(const char* name, bool O::* member, const char* says) {
  OptionRow<O> row{name, OptionType::flag, "", says};
  row.set = [member](O& o, const Json& value, const std::string& option) { o.*member = flag_of(option, value); };
  row.get = [member](const O& o) { return Json(o.*member); };
  return row;
}

template <class O, class I>
OptionRow<O> integer(const char* name, I O::* member, const char* unit, const char* says, long long lowest,
                     long long highest) {
  const Range range{static_cast<double>(lowest), static_cast<double>(highest)};
  OptionRow<O> row{name, OptionType::integer, unit, says, range.text()};
  row.set = [member, range](O& o, const Json& value, const std::string& option) {
    o.*member = static_cast<I>(integer_of(option, value, range));
  };
  row.check = [member, range](const O& o, const std::string& option) {
    check_integer(option, static_cast<long long>(o.*member), range);
  };
  row.get = [member](const O& o) { return Json(o.*member); };
  return row;
}

template <class O>
OptionRow<O> number(const char* name, double O::* member, const char* unit, const char* says, Range range = {}) {
  OptionRow<O> row{name, OptionType::number, unit, says, range.text()};
  row.set = [member, range](O& o, const Json& value, const std::string& option) {
    o.*member = number_of(option, value, range);
  };
  row.check = [member, range](const O& o, const std::string& option) { check_number(option, o.*member, range); };
  row.get = [member](const O& o) { return Json(o.*member); };
  return row;
}

template <class O>
OptionRow<O> text(const char* name, std::string O::* member, const char* says) {
  OptionRow<O> row{name, OptionType::text, "", says};
  row.set = [member](O& o, const Json& value, const std::string& option) { o.*member = text_of(option, value); };
  row.get = [member](const O& o) { return Json(o.*member); };
  return row;
}

// An enumeration whose values count from 0, in the order of the names.
template <class O, class E>
OptionRow<O> choice(const char* name, E O::* member, std::vector<std::string> names, const char* says) {
  OptionRow<O> row{name, OptionType::choice, "", says, "", names};
  row.set = [member, names](O& o, const Json& value, const std::string& option) {
    o.*member = static_cast<E>(choice_of(option, value, names));
  };
  const auto text = [member, names](const O& o) {  // a number that was cast to it may be none of the names
    const auto index = static_cast<std::size_t>(o.*member);
    return index < names.size() ? names[index] : std::to_string(static_cast<int>(o.*member));
  };
  row.check = [text, names](const O& o, const std::string& option) { choice_of(option, text(o), names); };
  row.get = [text](const O& o) { return Json(text(o)); };
  return row;
}

template <class O>
OptionRow<O> numbers(const char* name, std::vector<float> O::* member, const char* says) {
  OptionRow<O> row{name, OptionType::numbers, "", says};
  row.set = [member](O& o, const Json& value, const std::string& option) { o.*member = numbers_of(option, value); };
  row.get = [member](const O& o) { return Json(o.*member); };
  return row;
}

template <class O>
OptionRow<O> pairs(const char* name, std::vector<std::pair<std::string, std::string>> O::* member, const char* says) {
  OptionRow<O> row{name, OptionType::pairs, "", says};
  row.set = [member](O& o, const Json& value, const std::string& option) { o.*member = pairs_of(option, value); };
  row.get = [member](const O& o) {
    Json object = Json::object();
    for (const auto& [key, value] : o.*member) object[key] = value;
    return object;
  };
  return row;
}

template <class O, class Fields>
OptionRow<O> group(const char* name, Fields O::* member, const char* says) {
  OptionRow<O> row{name, OptionType::group, "", says};
  row.set = [member](O& o, const Json& value, const std::string& option) {
    read_fields(o.*member, value, option + ".");
  };
  row.check = [member](const O& o, const std::string& option) { check_fields(o.*member, option + "."); };
  row.get = [member](const O& o) { return values_of(o.*member); };
  row.describe_group = [] { return describe<Fields>(); };
  return row;
}

template <class O>
OptionRow<O> object(const char* name, const char* says) {
  return {name, OptionType::object, "", says};
}

}  // namespace fastctc::option_rows
