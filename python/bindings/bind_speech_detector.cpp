// Speech detection.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "exclusive_use.h"
#include "fastctc/speech_detector.h"
#include "holders.h"
#include "options.h"

namespace py = pybind11;
using fastctc_bindings::audio_view;
using fastctc_bindings::ExclusiveUse;
using fastctc_bindings::FloatArray;

namespace {

constexpr const char* type_name = "SpeechDetector";

class PySpeechDetector {
 public:
  PySpeechDetector(const fastctc::VadOptions& options, int sample_rate_hz, const fastctc::SessionOptions& session)
      : detector_(options, sample_rate_hz, session) {}

  void push(const FloatArray& samples, int sample_rate_hz) {
    const fastctc::AudioView audio = audio_view(samples, sample_rate_hz);
    const ExclusiveUse use(busy_, type_name);
    const py::gil_scoped_release release;  // no Python object is touched; the caller holds the array
    detector_.push(audio);
  }

  void finish() {
    const ExclusiveUse use(busy_, type_name);
    const py::gil_scoped_release release;  // no Python object is touched
    detector_.finish();
  }

  void reset() {
    const ExclusiveUse use(busy_, type_name);
    detector_.reset();
  }

  std::vector<std::pair<double, double>> take() {
    const ExclusiveUse use(busy_, type_name);
    std::vector<std::pair<double, double>> segments;
    for (const fastctc::SpeechSegment& segment : detector_.take())
      segments.emplace_back(segment.start_s, segment.end_s);
    return segments;
  }

  bool in_speech() {
    const ExclusiveUse use(busy_, type_name);
    return detector_.in_speech();
  }

  double open_start_s() {
    const ExclusiveUse use(busy_, type_name);
    return detector_.open_start_s();
  }

  double decided_s() {
    const ExclusiveUse use(busy_, type_name);
    return detector_.decided_s();
  }

 private:
  fastctc::SpeechDetector detector_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

using Holder = fastctc_bindings::Held<PySpeechDetector>;

Holder make(const py::dict& options, int sample_rate_hz, const py::dict& session) {
  const fastctc::VadOptions vad = fastctc_bindings::options_of<fastctc::VadOptions>(options);
  const fastctc::SessionOptions engine = fastctc_bindings::options_of<fastctc::SessionOptions>(session);
  const py::gil_scoped_release release;  // reading a graph takes a while
  return Holder(new PySpeechDetector(vad, sample_rate_hz, engine));
}

// (scores, ends) of every frame: what segments are made of.
std::pair<std::vector<double>, std::vector<std::uint64_t>> speech_scores(const FloatArray& samples,
                                                                         const py::dict& options, int sample_rate_hz,
                                                                         const py::dict& session) {
  const fastctc::VadOptions vad = fastctc_bindings::options_of<fastctc::VadOptions>(options);
  const fastctc::SessionOptions engine = fastctc_bindings::options_of<fastctc::SessionOptions>(session);
  const fastctc::AudioView audio = audio_view(samples, sample_rate_hz);
  std::pair<std::vector<double>, std::vector<std::uint64_t>> result;
  const py::gil_scoped_release release;  // no Python object is touched; the caller holds the array
  for (const fastctc::SpeechScore& frame : fastctc::score_speech(audio, vad, engine)) {
    result.first.push_back(frame.score);
    result.second.push_back(frame.end_samples);
  }
  return result;
}

}  // namespace

void bind_speech_detector(py::module_& module) {
  py::class_<PySpeechDetector, Holder>(
      module, "SpeechDetector",
      "Where there is speech, step by step; one recording, one thread at a time. See fastctc/speech_detector.h.")
      .def(py::init(&make), py::arg("options"), py::arg("sample_rate_hz"), py::arg("session") = py::dict(),
           "options: the fields of VadOptions; session: those of SessionOptions, for Silero's graph.")
      .def("push", &PySpeechDetector::push, py::arg("samples").noconvert(), py::arg("sample_rate_hz") = 0,
           "Takes float32 samples [n]; another rate than the detector's is resampled. Raises AudioError.")
      .def("finish", &PySpeechDetector::finish, "The recording is over.")
      .def("take", &PySpeechDetector::take, "(start_s, end_s) of each segment completed since the last take().")
      .def_property_readonly("in_speech", &PySpeechDetector::in_speech, "Whether a segment is open.")
      .def_property_readonly("open_start_s", &PySpeechDetector::open_start_s, "Where the open segment starts.")
      .def_property_readonly("decided_s", &PySpeechDetector::decided_s,
                             "Up to here it is settled what is speech and what is not.")
      .def("reset", &PySpeechDetector::reset, "Ready for another recording.");
  module.def("speech_scores", &speech_scores, py::arg("samples").noconvert(), py::arg("options"),
             py::arg("sample_rate_hz"), py::arg("session") = py::dict(),
             "Scores and ends in samples of all frames: dB above the threshold (energy) or probabilities (Silero).");
}
