// VadOptions from the plain dict that Python hands over.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "fastctc/error.h"
#include "fastctc/options.h"
#include "session_options.h"

namespace fastctc_bindings {

inline fastctc::VadKind vad_kind(const std::string& name) {
  if (name == "none") return fastctc::VadKind::none;
  if (name == "energy") return fastctc::VadKind::energy;
  if (name == "silero") return fastctc::VadKind::silero;
  throw fastctc::OptionError("Option vad.kind must be none, energy or silero, not '" + name + "'.");
}

// Fields that are absent keep their defaults. Raises OptionError on an unknown name or a wrong type.
inline fastctc::VadOptions vad_options(const py::dict& fields) {
  fastctc::VadOptions options;
  for (const auto& field : fields) {
    const std::string name = py::str(field.first);
    const py::handle value = field.second;
    const auto number = [&] { return option_value<double>("vad." + name, value, "a number"); };
    if (name == "kind") {
      options.kind = vad_kind(option_value<std::string>("vad.kind", value, "a string"));
    } else if (name == "model") {
      options.model = option_value<std::string>("vad.model", value, "a string");
    } else if (name == "threshold") {
      options.threshold = number();
    } else if (name == "min_level_db") {
      options.min_level_db = number();
    } else if (name == "snr_db") {
      options.snr_db = number();
    } else if (name == "min_speech_s") {
      options.min_speech_s = number();
    } else if (name == "min_silence_s") {
      options.min_silence_s = number();
    } else if (name == "padding_s") {
      options.padding_s = number();
    } else {
      throw fastctc::OptionError("There is no option vad." + name + ".");
    }
  }
  return options;
}

}  // namespace fastctc_bindings
