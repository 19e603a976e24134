// The whole way: a model directory in, transcripts out.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "fastctc/audio.h"
#include "fastctc/configuration.h"
#include "fastctc/frontend.h"
#include "fastctc/recognizer.h"
#include "fastctc/streaming_model.h"
#include "holders.h"
#include "options.h"
#include "transcripts.h"

namespace {

using namespace fastctc_bindings;
using fastctc::AudioView;
using fastctc::Recognizer;

Held<Recognizer> load(const std::string& path, const py::dict& model, const py::dict& session) {
  const auto model_fields = fastctc_bindings::options_of<fastctc::ModelOptions>(model);
  const auto session_fields = fastctc_bindings::options_of<fastctc::SessionOptions>(session);
  // Nothing below touches Python; messages take the GIL themselves (bind_log.cpp).
  const py::gil_scoped_release release;
  return Held<Recognizer>(new Recognizer(Recognizer::load(path, model_fields, session_fields)));
}

// [n_features, n_frames] of samples that come in blocks: a long recording is never in memory whole.
py::array_t<float> features(const Recognizer& recognizer, const py::iterable& blocks, int sample_rate_hz) {
  fastctc::Resampler resampler(sample_rate_hz, recognizer.sample_rate_hz());
  fastctc::FrontendStream stream(recognizer.frontend());
  std::vector<float> values;
  for (const py::handle block : blocks) {
    const auto samples = block.cast<FloatArray>();
    const AudioView audio = audio_view(samples);
    const py::gil_scoped_release release;  // `samples` stays alive
    values.clear();
    resampler.push(audio.samples, audio.n_samples, values);
    stream.push(values.data(), values.size());
  }
  const std::size_t n_features = recognizer.frontend().n_features();
  std::size_t n_frames = 0;
  {
    const py::gil_scoped_release release;  // nothing of Python is touched
    values.clear();
    resampler.finish(values);
    stream.push(values.data(), values.size());
    stream.finish();
    n_frames = stream.n_ready_frames();
    values.resize(n_features * n_frames);
    stream.take(values.data(), n_frames, n_frames);
  }
  return own(std::move(values), {static_cast<py::ssize_t>(n_features), static_cast<py::ssize_t>(n_frames)});
}

py::array_t<float> log_probs(const Recognizer& recognizer, const FloatArray& array) {
  require_dimensions(array, 2, "features");
  fastctc::LogProbs result;
  {
    // `array` stays alive: the caller's frame holds it.
    const py::gil_scoped_release release;
    fastctc::Features features;
    features.n_features = static_cast<std::size_t>(array.shape(0));
    features.n_frames = features.n_valid_frames = static_cast<std::size_t>(array.shape(1));
    features.values.assign(array.data(), array.data() + array.size());
    result = recognizer.log_probs(features);
  }
  const auto n_frames = static_cast<py::ssize_t>(result.n_frames);
  const auto n_tokens = static_cast<py::ssize_t>(result.n_tokens);
  return own(std::move(result.values), {n_frames, n_tokens});
}

py::tuple decode(const Recognizer& recognizer, const FloatArray& array, const py::dict& fields) {
  require_dimensions(array, 2, "log_probs");
  const fastctc::DecoderOptions options = fastctc_bindings::options_of<fastctc::DecoderOptions>(fields);
  fastctc::Transcript transcript;
  {
    // `array` stays alive: the caller's frame holds it.
    const py::gil_scoped_release release;
    transcript = recognizer.decode(
        {array.data(), static_cast<std::size_t>(array.shape(0)), static_cast<std::size_t>(array.shape(1))}, options);
  }
  return to_python(transcript);
}

// batch: samples and their rate.
py::list transcribe(const Recognizer& recognizer, const std::vector<std::pair<FloatArray, int>>& batch,
                    const py::dict& fields) {
  const fastctc::LongFormOptions options = fastctc_bindings::options_of<fastctc::LongFormOptions>(fields);
  std::vector<AudioView> views;
  views.reserve(batch.size());
  for (const auto& [samples, sample_rate_hz] : batch) views.push_back(audio_view(samples, sample_rate_hz));
  std::vector<fastctc::Transcript> transcripts;
  {
    // `batch` holds the arrays.
    const py::gil_scoped_release release;
    transcripts = recognizer.transcribe(views, options);
  }
  py::list result;
  for (const fastctc::Transcript& transcript : transcripts) result.append(to_python(transcript));
  return result;
}

}  // namespace

void bind_recognizer(py::module_& module) {
  module.def("describe_options", &fastctc::describe_options, "Every option, as JSON (fastctc/configuration.h).");
  py::class_<Recognizer, Held<Recognizer>>(module, "Recognizer")
      .def_static("load", &load, py::arg("path"), py::arg("model"), py::arg("session"))
      .def_property_readonly("properties",
                             [](const Recognizer& self) {
                               std::vector<std::tuple<std::string, std::string, std::string>> list;
                               for (const auto& property : self.properties()) {
                                 list.emplace_back(property.name, property.value, property.source);
                               }
                               return list;
                             })
      .def_property_readonly("sample_rate_hz", &Recognizer::sample_rate_hz)
      .def_property_readonly("frame_s", &Recognizer::frame_s)
      .def_property_readonly("latencies_ms", &Recognizer::latencies_ms)
      .def_property_readonly("has_offline_graph", &Recognizer::has_offline_graph)
      .def("streaming_model", &Recognizer::streaming_model, py::arg("latency_ms") = -1,
           py::return_value_policy::reference_internal, py::call_guard<py::gil_scoped_release>(),
           "The cache-aware graph of that look-ahead; -1: the longest.")
      .def("long_form_model", &Recognizer::long_form_model, py::return_value_policy::reference_internal,
           py::call_guard<py::gil_scoped_release>(), "The graph for long recordings; None: there is none.")
      .def_property_readonly(
          "vocabulary", [](const Recognizer& self) -> const fastctc::Vocabulary& { return self.vocabulary(); },
          py::return_value_policy::reference_internal)
      .def_property_readonly("blank_id", [](const Recognizer& self) { return self.vocabulary().blank_id(); })
      .def_property_readonly("pieces", [](const Recognizer& self) { return self.vocabulary().pieces(); })
      .def("features", &features, py::arg("blocks"), py::arg("sample_rate_hz"),
           "[n_features, n_frames] of blocks of float32 samples [n].")
      .def("log_probs", &log_probs, py::arg("features").noconvert())
      .def("decode", &decode, py::arg("log_probs").noconvert(), py::arg("options") = py::dict())
      .def("spell", &Recognizer::spell, py::arg("text"), "Ids of the tokens that spell a text.")
      .def("transcribe", &transcribe, py::arg("batch").noconvert(), py::arg("options") = py::dict());
}
