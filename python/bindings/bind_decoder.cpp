// _core.GreedyDecoder, _core.decode_greedy
#include <pybind11/pybind11.h>

#include <atomic>
#include <cmath>
#include <string>

#include "arrays.h"
#include "assemble.h"
#include "bindings.h"
#include "exclusive_use.h"
#include "fastctc/decoder.h"
#include "fastctc/error.h"
#include "transcripts.h"

namespace py = pybind11;

namespace {

using fastctc_bindings::FloatArray;

fastctc::LogProbsView view(const FloatArray& log_probs) {
  fastctc_bindings::require_dimensions(log_probs, 2, "log_probs");
  return {log_probs.data(), static_cast<std::size_t>(log_probs.shape(0)), static_cast<std::size_t>(log_probs.shape(1))};
}

void check_seconds(const char* name, double value) {
  if (!std::isfinite(value) || value < 0) {
    throw fastctc::OptionError(std::string(name) + " must be finite seconds from 0 up, not " + std::to_string(value) +
                               ".");
  }
}

// A decoder is one utterance's state; with the GIL released, two threads could be inside at once.
class GreedyDecoder {
 public:
  GreedyDecoder(std::size_t n_tokens, int blank_id) : decoder_(n_tokens, blank_id) {}

  void step(const FloatArray& log_probs) {
    const fastctc::LogProbsView values = view(log_probs);
    const fastctc_bindings::ExclusiveUse use(busy_, "decoder");
    const py::gil_scoped_release release;  // after the last Python touch; the caller holds `log_probs`
    decoder_.step(values);
  }

  py::tuple best() {
    const fastctc_bindings::ExclusiveUse use(busy_, "decoder");
    return fastctc_bindings::to_python(decoder_.best());
  }

  void reset() {
    const fastctc_bindings::ExclusiveUse use(busy_, "decoder");
    decoder_.reset();
  }

  py::tuple decode(const FloatArray& log_probs) {
    const fastctc::LogProbsView values = view(log_probs);
    const fastctc_bindings::ExclusiveUse use(busy_, "decoder");
    fastctc::Hypothesis hypothesis;
    {
      const py::gil_scoped_release release;  // as in step
      hypothesis = decoder_.decode(values);
    }
    return fastctc_bindings::to_python(hypothesis);
  }

 private:
  fastctc::GreedyDecoder decoder_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

py::tuple decode_greedy(const FloatArray& log_probs, const fastctc::Vocabulary& vocabulary, double frame_s,
                        double duration_s) {
  const fastctc::LogProbsView values = view(log_probs);
  check_seconds("frame_s", frame_s);
  check_seconds("duration_s", duration_s);
  fastctc::Transcript transcript;
  {
    // No Python below; the arguments are held by the caller, and a Vocabulary never changes.
    const py::gil_scoped_release release;
    fastctc::GreedyDecoder decoder(vocabulary.size(), vocabulary.blank_id());
    transcript = fastctc::assemble(decoder.decode(values), vocabulary, frame_s, duration_s);
  }
  return fastctc_bindings::to_python(transcript);
}

}  // namespace

void bind_decoder(py::module_& module) {
  py::class_<GreedyDecoder>(module, "GreedyDecoder")
      .def(py::init<std::size_t, int>(), py::arg("n_tokens"), py::arg("blank_id"))
      .def("step", &GreedyDecoder::step, py::arg("log_probs").noconvert())
      .def("best", &GreedyDecoder::best)
      .def("reset", &GreedyDecoder::reset)
      .def("decode", &GreedyDecoder::decode, py::arg("log_probs").noconvert());
  module.def("decode_greedy", &decode_greedy, py::arg("log_probs").noconvert(), py::arg("vocabulary"),
             py::arg("frame_s"), py::arg("duration_s"));
}
