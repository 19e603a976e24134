// _core.GreedyDecoder, _core.BeamDecoder, _core.TextAligner, _core.decode_greedy, _core.align, _core.frame_confidence
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <atomic>
#include <cmath>
#include <string>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "exclusive_use.h"
#include "fastctc/aligner.h"
#include "fastctc/assemble.h"
#include "fastctc/confidence.h"
#include "fastctc/decoder.h"
#include "fastctc/error.h"
#include "fastctc/text_aligner.h"
#include "options.h"
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

class BeamDecoder {
 public:
  BeamDecoder(const fastctc::Vocabulary& vocabulary, const py::dict& options)
      : decoder_(vocabulary, fastctc_bindings::options_of<fastctc::DecoderOptions>(options)) {}

  void step(const FloatArray& log_probs) {
    const fastctc::LogProbsView values = view(log_probs);
    const fastctc_bindings::ExclusiveUse use(busy_, "decoder");
    const py::gil_scoped_release release;  // after the last Python touch; the caller holds `log_probs`
    decoder_.step(values);
  }

  py::tuple n_best(std::size_t n) {
    const fastctc_bindings::ExclusiveUse use(busy_, "decoder");
    return to_tuple([&] { return decoder_.n_best(n); });
  }

  py::tuple best() {
    const fastctc_bindings::ExclusiveUse use(busy_, "decoder");
    return to_tuple([&] { return std::vector<fastctc::Hypothesis>{decoder_.best()}; })[0];
  }

  py::tuple partial() {
    const fastctc_bindings::ExclusiveUse use(busy_, "decoder");
    return to_tuple([&] { return std::vector<fastctc::Hypothesis>{decoder_.partial()}; })[0];
  }

  std::vector<int> partial_ids() {
    const fastctc_bindings::ExclusiveUse use(busy_, "decoder");
    return decoder_.partial_ids();
  }

  void carry_on() {
    const fastctc_bindings::ExclusiveUse use(busy_, "decoder");
    decoder_.carry_on();
  }

  std::size_t n_stable_tokens() {
    const fastctc_bindings::ExclusiveUse use(busy_, "decoder");
    return decoder_.n_stable_tokens();
  }

  std::size_t last_token_end_frame() {
    const fastctc_bindings::ExclusiveUse use(busy_, "decoder");
    return decoder_.last_token_end_frame();
  }

  void reset() {
    const fastctc_bindings::ExclusiveUse use(busy_, "decoder");
    decoder_.reset();
  }

 private:
  template <class Find>
  static py::tuple to_tuple(Find find) {
    std::vector<fastctc::Hypothesis> hypotheses;
    {
      const py::gil_scoped_release release;  // no Python inside; aligning takes a while
      hypotheses = find();
    }
    return fastctc_bindings::tuple_of(hypotheses, fastctc_bindings::to_python_scored);
  }

  fastctc::BeamDecoder decoder_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

py::tuple align(const FloatArray& log_probs, const std::vector<int>& token_ids, int blank_id,
                const py::dict& confidence) {
  const fastctc::LogProbsView values = view(log_probs);
  const fastctc::ConfidenceOptions options = fastctc_bindings::options_of<fastctc::ConfidenceOptions>(confidence);
  fastctc::Hypothesis hypothesis;
  {
    const py::gil_scoped_release release;  // after the last Python touch; the caller holds `log_probs`
    hypothesis = fastctc::align(values, token_ids, blank_id, options);
  }
  return fastctc_bindings::to_python(hypothesis);
}

class TextAligner {
 public:
  TextAligner(const std::vector<int>& token_ids, std::size_t n_tokens, int blank_id, const py::dict& confidence)
      : aligner_(token_ids, n_tokens, blank_id, fastctc_bindings::options_of<fastctc::ConfidenceOptions>(confidence)) {}

  void step(const FloatArray& log_probs) {
    const fastctc::LogProbsView values = view(log_probs);
    const fastctc_bindings::ExclusiveUse use(busy_, "aligner");
    const py::gil_scoped_release release;  // after the last Python touch; the caller holds `log_probs`
    aligner_.step(values);
  }

  py::tuple best() {
    const fastctc_bindings::ExclusiveUse use(busy_, "aligner");
    fastctc::Hypothesis hypothesis;
    {
      const py::gil_scoped_release release;  // no Python inside; an hour takes seconds
      hypothesis = aligner_.best();
    }
    return fastctc_bindings::to_python(hypothesis);
  }

 private:
  fastctc::TextAligner aligner_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

py::array_t<float> frame_confidence(const FloatArray& log_probs, const py::dict& confidence) {
  const fastctc::LogProbsView values = view(log_probs);
  const fastctc::ConfidenceOptions options = fastctc_bindings::options_of<fastctc::ConfidenceOptions>(confidence);
  fastctc::validate(options);
  py::array_t<float> result(static_cast<py::ssize_t>(values.n_frames));
  for (std::size_t frame = 0; frame < values.n_frames; ++frame) {
    result.mutable_data()[frame] =
        fastctc::frame_confidence(values.values + frame * values.n_tokens, values.n_tokens, options);
  }
  return result;
}

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
  py::class_<BeamDecoder>(module, "BeamDecoder")
      .def(py::init<const fastctc::Vocabulary&, const py::dict&>(), py::arg("vocabulary"), py::arg("options"))
      .def("step", &BeamDecoder::step, py::arg("log_probs").noconvert())
      .def("best", &BeamDecoder::best)
      .def("n_best", &BeamDecoder::n_best, py::arg("n"))
      .def("partial", &BeamDecoder::partial)
      .def("partial_ids", &BeamDecoder::partial_ids)
      .def("carry_on", &BeamDecoder::carry_on)
      .def_property_readonly("n_stable_tokens", &BeamDecoder::n_stable_tokens)
      .def_property_readonly("last_token_end_frame", &BeamDecoder::last_token_end_frame)
      .def("reset", &BeamDecoder::reset);
  py::class_<TextAligner>(module, "TextAligner")
      .def(py::init<const std::vector<int>&, std::size_t, int, const py::dict&>(), py::arg("token_ids"),
           py::arg("n_tokens"), py::arg("blank_id"), py::arg("confidence") = py::dict())
      .def("step", &TextAligner::step, py::arg("log_probs").noconvert())
      .def("best", &TextAligner::best);
  module.def("align", &align, py::arg("log_probs").noconvert(), py::arg("token_ids"), py::arg("blank_id"),
             py::arg("confidence") = py::dict());
  module.def("frame_confidence", &frame_confidence, py::arg("log_probs").noconvert(),
             py::arg("confidence") = py::dict());
  module.def("decode_greedy", &decode_greedy, py::arg("log_probs").noconvert(), py::arg("vocabulary"),
             py::arg("frame_s"), py::arg("duration_s"));
}
