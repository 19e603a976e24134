// fastctc.types' options as dicts -> the core's, by the core's own tables of fields (options/option_table.h).
#pragma once

#include <pybind11/pybind11.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "fastctc/error.h"
#include "fastctc/hot_words.h"
#include "fastctc/language_model.h"
#include "fastctc/lexicon.h"
#include "fastctc/options.h"
#include "options/option_fields.h"

namespace fastctc_bindings {

namespace py = pybind11;
using Json = nlohmann::json;

// JSON has no infinite numbers: they go as text, which the core reads too.
inline Json number_to_json(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

// Whatever has no JSON form goes as text that no option takes, so that the message names the option.
inline Json to_json(const py::handle& value) {
  if (value.is_none()) return nullptr;
  py::detail::make_caster<bool> flag;
  if (flag.load(value, false)) return static_cast<bool>(flag);  // NumPy's too
  if (py::isinstance<py::str>(value)) return value.cast<std::string>();
  if (py::isinstance<py::dict>(value)) {
    Json object = Json::object();
    for (const auto& [key, item] : value.cast<py::dict>()) object[py::str(key).cast<std::string>()] = to_json(item);
    return object;
  }
  if (py::isinstance<py::list>(value) || py::isinstance<py::tuple>(value)) {
    Json array = Json::array();
    for (const py::handle& item : value) array.push_back(to_json(item));
    return array;
  }
  try {
    if (PyIndex_Check(value.ptr())) return value.cast<long long>();
    if (py::hasattr(value, "__float__")) return number_to_json(py::float_(py::reinterpret_borrow<py::object>(value)));
  } catch (const py::cast_error&) {
  }
  return std::string(py::repr(value));
}

// An object of the core out of the dict; None: nothing.
template <class T>
void take_object(py::dict& fields, const char* name, std::shared_ptr<const T>& object, const char* expected) {
  if (!fields.contains(name)) return;
  const py::object value = fields.attr("pop")(name);
  if (value.is_none()) return;
  try {
    object = value.cast<std::shared_ptr<T>>();
  } catch (const py::cast_error&) {
    throw fastctc::OptionError("Option decoder." + std::string(name) + " must be " + expected + ", not " +
                               std::string(py::repr(value)) + ".");
  }
}

inline void take_objects(py::dict& fields, fastctc::DecoderOptions& options) {
  take_object(fields, "language_model", options.language_model, "a LanguageModel");
  take_object(fields, "hot_words", options.hot_words, "HotWords");
  take_object(fields, "lexicon", options.lexicon, "a Lexicon");
}

template <class O>
void take_objects(py::dict& fields, O& options) {
  if constexpr (std::is_same_v<O, fastctc::StreamOptions> || std::is_same_v<O, fastctc::LongFormOptions>) {
    if (!fields.contains("decoder") || !py::isinstance<py::dict>(fields["decoder"])) return;
    py::dict decoder = fields["decoder"].attr("copy")();
    take_objects(decoder, options.decoder);
    fields["decoder"] = decoder;
  }
}

// Fields that are absent or None keep their defaults. Raises OptionError on an unknown name, a wrong type, or a value
// out of range.
template <class O>
O options_of(const py::dict& given) {
  py::dict fields = given.attr("copy")();
  O options;
  take_objects(fields, options);
  fastctc::set_fields(options, to_json(fields).dump(-1, ' ', false, Json::error_handler_t::replace));
  return options;
}

}  // namespace fastctc_bindings
