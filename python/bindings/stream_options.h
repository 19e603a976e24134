// fastctc.types.StreamOptions as a dict -> fastctc::StreamOptions.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "decoder_options.h"
#include "fastctc/error.h"
#include "fastctc/options.h"
#include "session_options.h"
#include "vad_options.h"

namespace fastctc_bindings {

inline fastctc::StreamStart stream_start(const std::string& name) {
  if (name == "aligned") return fastctc::StreamStart::aligned;
  if (name == "nemo_pad") return fastctc::StreamStart::nemo_pad;
  throw fastctc::OptionError("Option start must be aligned or nemo_pad, not '" + name + "'.");
}

inline py::dict fields_of(const std::string& name, const py::handle& value) {
  if (!py::isinstance<py::dict>(value)) {
    throw fastctc::OptionError("Option " + name + " must be a dict of its fields, not " + std::string(py::repr(value)) +
                               ".");
  }
  return py::reinterpret_borrow<py::dict>(value);
}

inline fastctc::EndpointOptions endpoint_options(const py::dict& fields) {
  fastctc::EndpointOptions options;
  for (const auto& field : fields) {
    const std::string name = py::str(field.first);
    const auto number = [&] { return option_value<double>("endpoint." + name, field.second, "a number"); };
    if (name == "silence_after_speech_s") {
      options.silence_after_speech_s = number();
    } else if (name == "silence_without_speech_s") {
      options.silence_without_speech_s = number();
    } else if (name == "max_length_s") {
      options.max_length_s = number();
    } else {
      throw fastctc::OptionError("There is no option endpoint." + name + ".");
    }
  }
  return options;
}

// Fields that are absent keep their defaults. Raises OptionError on an unknown name or a wrong type.
inline fastctc::StreamOptions stream_options(const py::dict& fields) {
  fastctc::StreamOptions options;
  for (const auto& field : fields) {
    const std::string name = py::str(field.first);
    const py::handle value = field.second;
    if (name == "latency_ms") {
      options.latency_ms = option_value<int>(name, value, "an integer");
    } else if (name == "sample_rate_hz") {
      options.sample_rate_hz = option_value<int>(name, value, "an integer");
    } else if (name == "start") {
      options.start = stream_start(option_value<std::string>(name, value, "a string"));
    } else if (name == "partial_results") {
      options.partial_results = option_value<bool>(name, value, "true or false");
    } else if (name == "endpoint") {
      options.endpoint = endpoint_options(fields_of(name, value));
    } else if (name == "vad") {
      options.vad = vad_options(fields_of(name, value));
    } else if (name == "decoder") {
      options.decoder = decoder_options(fields_of(name, value));
    } else {
      throw fastctc::OptionError("There is no stream option '" + name + "'.");
    }
  }
  return options;
}

}  // namespace fastctc_bindings
