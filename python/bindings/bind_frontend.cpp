// The log-mel front end.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "fastctc/frontend.h"

namespace py = pybind11;
using fastctc_bindings::FloatArray;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

fastctc::Frontend make_frontend(const Pairs& pairs) {
  fastctc::FrontendOptions options;
  for (const auto& pair : pairs) fastctc::set_option(options, pair.first, pair.second);
  return fastctc::Frontend(options);
}

py::tuple compute(const fastctc::Frontend& frontend, const FloatArray& samples, int sample_rate_hz) {
  const fastctc::AudioView audio = fastctc_bindings::audio_view(samples, sample_rate_hz);
  fastctc::Features features;
  {
    // Nothing of Python is touched until the features are there; the caller's reference keeps the samples alive.
    const py::gil_scoped_release unlocked;
    features = frontend.compute(audio);
  }
  const auto n_features = static_cast<py::ssize_t>(features.n_features);
  const auto n_frames = static_cast<py::ssize_t>(features.n_frames);
  return py::make_tuple(fastctc_bindings::own(std::move(features.values), {n_features, n_frames}),
                        features.n_valid_frames);
}

void push(fastctc::FrontendStream& stream, const FloatArray& samples) {
  const fastctc::AudioView audio = fastctc_bindings::audio_view(samples);
  const py::gil_scoped_release unlocked;  // as in compute
  stream.push(audio.samples, audio.n_samples);
}

// A stream and the width of its frames.
struct BoundStream {
  explicit BoundStream(const fastctc::Frontend& frontend) : n_features(frontend.n_features()), stream(frontend) {}
  std::size_t n_features;
  fastctc::FrontendStream stream;
};

py::array_t<float> take(BoundStream& bound, std::size_t n_frames) {
  std::vector<float> values;
  {
    const py::gil_scoped_release unlocked;  // as in compute
    // Before memory is allocated for an absurd number.
    if (n_frames > bound.stream.n_ready_frames()) bound.stream.take(nullptr, n_frames, n_frames);
    values.resize(bound.n_features * n_frames);
    bound.stream.take(values.data(), n_frames, n_frames);
  }
  return fastctc_bindings::own(std::move(values),
                               {static_cast<py::ssize_t>(bound.n_features), static_cast<py::ssize_t>(n_frames)});
}

}  // namespace

void bind_frontend(py::module_& module) {
  module.def(
      "frontend_preset", [](const std::string& name) { return fastctc::list_options(fastctc::frontend_preset(name)); },
      py::arg("name"), "Every front-end option of a preset, as (name, text).");

  py::class_<fastctc::Frontend>(module, "Frontend", "Log-mel front end. Immutable; safe from any thread.")
      .def(py::init(&make_frontend), py::arg("options") = Pairs(), "Options that are not named keep their defaults.")
      .def_property_readonly("n_features", &fastctc::Frontend::n_features)
      .def_property_readonly("instruction_set", &fastctc::Frontend::instruction_set)
      .def(
          "options", [](const fastctc::Frontend& self) { return fastctc::list_options(self.options()); },
          "Every option as (name, text).")
      .def("n_frames", &fastctc::Frontend::n_frames, py::arg("n_samples"), "Valid frames of that many samples.")
      .def("compute", &compute, py::arg("samples").noconvert(), py::arg("sample_rate_hz") = 0,
           "Features [n_features, n_frames] float32 of samples [n] float32, and the number of valid frames.");

  py::class_<BoundStream>(module, "FrontendStream", "Features of one utterance, piece by piece; one thread at a time.")
      .def(py::init<const fastctc::Frontend&>(), py::arg("frontend"))
      .def(
          "push", [](BoundStream& self, const FloatArray& samples) { push(self.stream, samples); },
          py::arg("samples").noconvert(), "Samples [n] float32.")
      .def(
          "finish", [](BoundStream& self) { self.stream.finish(); }, py::call_guard<py::gil_scoped_release>(),
          "No more samples: the frames at the end become ready.")
      .def_property_readonly("n_ready_frames", [](const BoundStream& self) { return self.stream.n_ready_frames(); })
      .def("take", &take, py::arg("n_frames"), "The next frames, [n_features, n_frames] float32.")
      .def("reset", [](BoundStream& self) { self.stream.reset(); }, "Ready for another utterance.");
}
