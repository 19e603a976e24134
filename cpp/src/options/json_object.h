// Reads the fields of a JSON object into options, and names what is wrong.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "fastctc/error.h"

namespace fastctc {

using Json = nlohmann::json;

// Raises OptionError where the text is not one JSON object.
Json parse_object(const std::string& json);

class JsonObject {
 public:
  // prefix: of its fields' names in messages, as "decoder." Raises OptionError on what is no object.
  JsonObject(const Json& object, std::string prefix);

  // The field, or null where it isn't there or is null itself. Each field that is looked for is known from then on.
  const Json* find(const char* name);
  std::string full_name(const std::string& name) const { return prefix_ + name; }

  // Each leaves `value` alone where the field is not there. Raises OptionError.
  void read(const char* name, std::string& value);
  void read(const char* name, int& value);
  void read(const char* name, double& value);
  void read(const char* name, bool& value);
  void read(const char* name, std::vector<std::pair<std::string, std::string>>& values);
  template <class E>
  void read(const char* name, E& value, std::initializer_list<std::pair<const char*, E>> choices) {
    std::string text;
    read(name, text);
    if (text.empty() && !find(name)) return;
    std::string list;
    for (const auto& [choice, meaning] : choices) {
      if (text == choice) {
        value = meaning;
        return;
      }
      list += (list.empty() ? "" : ", ") + std::string(choice);
    }
    throw OptionError("Option " + full_name(name) + " must be one of " + list + ", not '" + text + "'.");
  }

  // Raises OptionError where the object has a field that nobody looked for.
  void finish() const;

 private:
  [[noreturn]] void refuse(const char* name, const char* expected, const Json& value) const;

  const Json& object_;
  std::string prefix_;
  std::vector<std::string> known_;
};

}  // namespace fastctc
