#include "options/json_object.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "options/options_text.h"

namespace fastctc {
namespace {

constexpr int kMaxDepth = 8;
constexpr std::size_t kMaxBytes = 16 << 20;

// As much of a value as a message needs; never throws on text that is not UTF-8.
std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() <= 80 ? text : text.substr(0, 77) + "...";
}

bool is_integer_within(const Json& value, long long lowest, long long highest) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>() <= static_cast<std::uint64_t>(highest);
  return value.is_number_integer() && value.get<std::int64_t>() >= lowest && value.get<std::int64_t>() <= highest;
}

}  // namespace

Json parse_object(const std::string& json) {
  if (json.size() > kMaxBytes) throw OptionError("Options of more than 16 MiB are surely none.");
  Json object;
  try {
    const auto shallow = [](int depth, Json::parse_event_t, Json&) {
      if (depth > kMaxDepth) throw OptionError("The options stand in one another too deep to be any.");
      return true;
    };
    object = Json::parse(json, shallow);
  } catch (const Json::exception& error) {
    throw OptionError(std::string("The options are not JSON: ") + error.what());
  }
  if (!object.is_object()) throw OptionError("The options must be one JSON object, not " + shown(object) + ".");
  return object;
}

JsonObject::JsonObject(const Json& object, std::string prefix) : object_(object), prefix_(std::move(prefix)) {
  if (object.is_object()) return;
  const std::string name = prefix_.empty() ? "The options" : "Option " + prefix_.substr(0, prefix_.size() - 1);
  throw OptionError(name + " must be an object of fields, not " + shown(object) + ".");
}

const Json* JsonObject::find(const char* name) {
  if (std::find(known_.begin(), known_.end(), name) == known_.end()) known_.emplace_back(name);
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void JsonObject::refuse(const char* name, const char* expected, const Json& value) const {
  throw OptionError("Option " + full_name(name) + " must be " + expected + ", not " + shown(value) + ".");
}

void JsonObject::read(const char* name, std::string& value) {
  const Json* field = find(name);
  if (!field) return;
  if (!field->is_string()) refuse(name, "a string", *field);
  value = field->get<std::string>();
}

void JsonObject::read(const char* name, int& value) {
  constexpr long long kLowest = std::numeric_limits<int>::min();
  constexpr long long kHighest = std::numeric_limits<int>::max();
  const Json* field = find(name);
  if (!field) return;
  if (field->is_string()) {
    value = static_cast<int>(integer_from_text(full_name(name), field->get<std::string>(), kLowest, kHighest));
  } else if (is_integer_within(*field, kLowest, kHighest)) {
    value = field->get<int>();
  } else {
    refuse(name, "an integer of 32 bits", *field);
  }
}

void JsonObject::read(const char* name, double& value) {
  const Json* field = find(name);
  if (!field) return;
  if (field->is_string()) {
    value = number_from_text(full_name(name), field->get<std::string>());
  } else if (field->is_number() && std::isfinite(field->get<double>())) {
    value = field->get<double>();
  } else {
    refuse(name, "a finite number", *field);
  }
}

void JsonObject::read(const char* name, bool& value) {
  const Json* field = find(name);
  if (!field) return;
  if (field->is_string()) {
    value = flag_from_text(full_name(name), field->get<std::string>());
  } else if (field->is_boolean()) {
    value = field->get<bool>();
  } else {
    refuse(name, "true or false", *field);
  }
}

void JsonObject::read(const char* name, std::vector<std::pair<std::string, std::string>>& values) {
  const Json* field = find(name);
  if (!field) return;
  if (!field->is_object()) refuse(name, "an object of names and values", *field);
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [key, value] : field->items()) {
    if (value.is_string()) {
      pairs.emplace_back(key, value.get<std::string>());
    } else if (value.is_boolean()) {
      pairs.emplace_back(key, value.get<bool>() ? "true" : "false");
    } else if (value.is_number_integer()) {
      pairs.emplace_back(key, value.dump());
    } else if (value.is_number()) {
      pairs.emplace_back(key, to_text(value.get<double>()));
    } else if (value.is_array()) {
      std::string list;  // as manifests write them
      for (const Json& item : value) {
        if (!item.is_number()) refuse((std::string(name) + "." + key).c_str(), "a list of numbers", value);
        list += (list.empty() ? "" : ",") + to_text(item.get<double>());
      }
      pairs.emplace_back(key, list);
    } else {
      refuse((std::string(name) + "." + key).c_str(), "a string, a number or true/false", value);
    }
  }
  values = std::move(pairs);
}

void JsonObject::finish() const {
  for (const auto& [key, value] : object_.items()) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    std::string list;
    for (const std::string& name : known_) list += (list.empty() ? "" : ", ") + full_name(name);
    throw OptionError("There is no option " + shown(full_name(key)) + "; there are " + list + ".");
  }
}

}  // namespace fastctc
