// Every field of an options struct, once: from a struct's table come its text and JSON forms, its ranges, the key of
// equal loads, what Python hands over, and docs/options.md.
#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "fastctc/error.h"
#include "fastctc/options.h"
#include "options/option_values.h"

namespace fastctc {

// What a field takes.
//   pairs   names and their values, both as text; the names are not ours
//   group   the fields of another struct
//   object  what a file is read into: read_fields() leaves it alone (configuration_decoder.h)
enum class OptionType { flag, integer, number, text, choice, numbers, pairs, group, object };

template <class O>
struct OptionRow {
  std::string name;
  OptionType type;
  std::string unit;  // s, ms, Hz, dB, samples, frames, ...; empty: none
  std::string says;  // one sentence
  std::string range = {};
  std::vector<std::string> choices = {};
  // Raise OptionError that calls the field `name`: on a value of another type or out of range; out of range.
  std::function<void(O&, const Json&, const std::string& name)> set = [](O&, const Json&, const std::string&) {};
  std::function<void(const O&, const std::string& name)> check = [](const O&, const std::string&) {};
  std::function<Json(const O&)> get = [](const O&) { return Json(); };
  std::function<Json()> describe_group = nullptr;
};

template <class O>
using OptionTable = std::vector<OptionRow<O>>;

// In the order of options.h.
template <class O>
const OptionTable<O>& option_table();
template <>
const OptionTable<FrontendOptions>& option_table();
template <>
const OptionTable<SessionOptions>& option_table();
template <>
const OptionTable<ModelOptions>& option_table();
template <>
const OptionTable<ConfidenceOptions>& option_table();
template <>
const OptionTable<DecoderOptions>& option_table();
template <>
const OptionTable<EndpointOptions>& option_table();
template <>
const OptionTable<VadOptions>& option_table();
template <>
const OptionTable<ConversationOptions>& option_table();
template <>
const OptionTable<StreamOptions>& option_table();
template <>
const OptionTable<LongFormOptions>& option_table();

// Raises OptionError where there is no such field.
template <class O>
const OptionRow<O>& find_row(const OptionTable<O>& table, const std::string& name, const std::string& prefix) {
  for (const OptionRow<O>& row : table) {
    if (row.name == name) return row;
  }
  std::string known;
  for (const OptionRow<O>& row : table) known += (known.empty() ? "" : ", ") + prefix + row.name;
  throw OptionError("There is no option " + shown(prefix + name) + "; there are " + known + ".");
}

// Sets what the object names; null is "not named". prefix: of the names in messages, as "decoder." Raises OptionError
// on an unknown name, a wrong type, a value out of range, and then has set nothing.
template <class O>
void read_fields(O& options, const Json& object, const std::string& prefix,
                 const OptionTable<O>& table = option_table<O>()) {
  require_object(object, prefix);
  O result = options;
  for (const auto& [name, value] : object.items()) {
    const OptionRow<O>& row = find_row(table, name, prefix);
    if (!value.is_null()) row.set(result, value, prefix + name);
  }
  options = std::move(result);
}

// Raises OptionError on a field out of its range.
template <class O>
void check_fields(const O& options, const std::string& prefix) {
  for (const OptionRow<O>& row : option_table<O>()) row.check(options, prefix + row.name);
}

// Every field's value.
template <class O>
Json values_of(const O& options) {
  Json values = Json::object();
  for (const OptionRow<O>& row : option_table<O>()) values[row.name] = row.get(options);
  return values;
}

// An array of {name, type, unit, range, choices, default, says}; of a group its `fields` instead of a default.
template <class O>
Json describe(const OptionTable<O>& table = option_table<O>()) {
  static const char* const kTypes[] = {"true or false", "integer",          "number", "text",  "choice",
                                       "numbers",       "names and values", "group",  "object"};
  Json rows = Json::array();
  for (const OptionRow<O>& row : table) {
    Json entry = {{"name", row.name},       {"type", kTypes[static_cast<int>(row.type)]},
                  {"unit", row.unit},       {"range", row.range},
                  {"choices", row.choices}, {"says", row.says}};
    if (row.describe_group) {
      entry["fields"] = row.describe_group();
    } else {
      entry["default"] = row.get(O{});
    }
    rows.push_back(std::move(entry));
  }
  return rows;
}

}  // namespace fastctc
