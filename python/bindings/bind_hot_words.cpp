// _core.HotWords
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "fastctc/error.h"
#include "fastctc/hot_words.h"
#include "fastctc/lexicon.h"

namespace py = pybind11;

namespace {

using fastctc::HotWords;

std::shared_ptr<HotWords> make(const fastctc::Vocabulary& vocabulary,
                               const std::vector<std::pair<std::string, double>>& phrases, bool ignore_case,
                               std::optional<const fastctc::Lexicon*> lexicon) {
  std::vector<fastctc::HotPhrase> converted;
  converted.reserve(phrases.size());
  for (const auto& phrase : phrases) {
    converted.emplace_back();
    converted.back().text = phrase.first;
    converted.back().bonus = phrase.second;
  }
  const py::gil_scoped_release release;  // thousands of phrases take milliseconds; the others never change
  return std::make_shared<HotWords>(vocabulary, converted, ignore_case, lexicon.value_or(nullptr));
}

void check_state(const HotWords& hot_words, HotWords::State state) {
  if (state < hot_words.n_states()) return;
  throw fastctc::OptionError("State " + std::to_string(state) + " is not one of these hot words, which have " +
                             std::to_string(hot_words.n_states()) + ".");
}

py::tuple step(const HotWords& hot_words, HotWords::State state, int token_id) {
  check_state(hot_words, state);
  if (token_id < 0 || static_cast<std::size_t>(token_id) >= hot_words.n_tokens()) {
    throw fastctc::OptionError("Token id " + std::to_string(token_id) + " is not in the vocabulary, whose ids run " +
                               "from 0 to " + std::to_string(hot_words.n_tokens() - 1) + ".");
  }
  double delta = 0;
  const HotWords::State next = hot_words.step(state, token_id, &delta);
  return py::make_tuple(next, delta);
}

double finish(const HotWords& hot_words, HotWords::State state) {
  check_state(hot_words, state);
  return hot_words.finish(state);
}

}  // namespace

void bind_hot_words(py::module_& module) {
  // The GIL stays in steps: they take less than a microsecond.
  py::class_<HotWords, std::shared_ptr<HotWords>>(module, "HotWords",
                                                  "Phrases that recognition should prefer; immutable.")
      .def(py::init(&make), py::arg("vocabulary"), py::arg("phrases"), py::arg("ignore_case") = true,
           py::arg("lexicon") = py::none(),
           "`phrases`: (text, bonus) each, the bonus in natural logarithms; of a closed lexicon, as it spells them.")
      .def_property_readonly("start", &HotWords::start, "State of an empty text.")
      .def("step", &step, py::arg("state"), py::arg("token_id"), "The state after one more token, and what it is paid.")
      .def("finish", &finish, py::arg("state"), "What is still paid, or withdrawn, when the text ends.")
      .def_property_readonly("max_delta", &HotWords::max_delta, "No step is paid more.")
      .def_property_readonly("n_states", &HotWords::n_states)
      .def_property_readonly("n_tokens", &HotWords::n_tokens, "Of the vocabulary.")
      .def_property_readonly("n_phrases", &HotWords::n_phrases);
}
