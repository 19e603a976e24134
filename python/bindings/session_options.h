// fastctc.types.SessionOptions as a dict -> fastctc::SessionOptions.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <utility>
#include <vector>

#include "fastctc/error.h"
#include "fastctc/options.h"

namespace fastctc_bindings {

namespace py = pybind11;

inline std::vector<std::pair<std::string, std::string>> string_pairs(const std::string& option,
                                                                     const py::handle& value) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& entry : py::dict(py::reinterpret_borrow<py::object>(value))) {
    if (!py::isinstance<py::str>(entry.first) || !py::isinstance<py::str>(entry.second)) {
      throw fastctc::OptionError("Option " + option + " must map strings to strings.");
    }
    pairs.emplace_back(entry.first.cast<std::string>(), entry.second.cast<std::string>());
  }
  return pairs;
}

template <class T>
T option_value(const std::string& option, const py::handle& value, const char* expected) {
  try {
    return value.cast<T>();
  } catch (const py::cast_error&) {
    throw fastctc::OptionError("Option " + option + " must be " + expected + ", not " + std::string(py::repr(value)) +
                               ".");
  }
}

// Fields that are absent keep their defaults. Raises OptionError on an unknown name or a wrong type.
inline fastctc::SessionOptions session_options(const py::dict& fields) {
  fastctc::SessionOptions options;
  for (const auto& field : fields) {
    const std::string name = py::str(field.first);
    const py::handle value = field.second;
    if (name == "library") {
      options.library = option_value<std::string>(name, value, "a string");
    } else if (name == "intra_op_threads") {
      options.intra_op_threads = option_value<int>(name, value, "an integer");
    } else if (name == "inter_op_threads") {
      options.inter_op_threads = option_value<int>(name, value, "an integer");
    } else if (name == "provider") {
      options.provider = option_value<std::string>(name, value, "a string");
    } else if (name == "provider_options") {
      options.provider_options = string_pairs(name, value);
    } else if (name == "graph_optimization") {
      options.graph_optimization = option_value<std::string>(name, value, "a string");
    } else if (name == "config_entries") {
      options.config_entries = string_pairs(name, value);
    } else if (name == "memory_arena") {
      options.memory_arena = option_value<bool>(name, value, "true or false");
    } else if (name == "instruction_set") {
      options.instruction_set = option_value<std::string>(name, value, "a string");
    } else if (name == "cache") {
      options.cache = option_value<bool>(name, value, "true or false");
    } else {
      throw fastctc::OptionError("There is no session option '" + name + "'.");
    }
  }
  return options;
}

}  // namespace fastctc_bindings
