// fastctc.types.LongFormOptions as a dict -> fastctc::LongFormOptions.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "decoder_options.h"
#include "fastctc/error.h"
#include "fastctc/options.h"
#include "session_options.h"
#include "vad_options.h"

namespace fastctc_bindings {

// Fields that are absent keep their defaults. Raises OptionError on an unknown name or a wrong type.
inline fastctc::LongFormOptions long_form_options(const py::dict& fields) {
  fastctc::LongFormOptions options;
  for (const auto& field : fields) {
    const std::string name = py::str(field.first);
    const py::handle value = field.second;
    if (name == "one_shot_max_s") {
      options.one_shot_max_s = option_value<double>(name, value, "a number");
    } else if (name == "window_s") {
      options.window_s = option_value<double>(name, value, "a number");
    } else if (name == "overlap_s") {
      options.overlap_s = option_value<double>(name, value, "a number");
    } else if (name == "vad") {
      options.vad = vad_options(option_value<py::dict>(name, value, "a dict"));
    } else if (name == "decoder") {
      options.decoder = decoder_options(option_value<py::dict>(name, value, "a dict"));
    } else {
      throw fastctc::OptionError("There is no option '" + name + "' of long recordings.");
    }
  }
  return options;
}

}  // namespace fastctc_bindings
