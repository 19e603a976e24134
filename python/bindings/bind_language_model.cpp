// _core.LanguageModel
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bindings.h"
#include "fastctc/error.h"
#include "fastctc/language_model.h"
#include "paths.h"

namespace py = pybind11;

namespace {

using fastctc::LanguageModel;

std::shared_ptr<LanguageModel> read_model(const py::object& path, const py::object& progress) {
  const std::string bytes = fastctc_bindings::path_bytes(path);
  std::function<void(double)> report;
  if (!progress.is_none()) {
    report = [&progress](double done) {
      const py::gil_scoped_acquire acquire;
      progress(done);
    };
  }
  const py::gil_scoped_release release;  // the file may be slow; no Python below but in `report`
  // pybind11 holds no pointers to const; no method of the binding changes a model.
  return std::const_pointer_cast<LanguageModel>(LanguageModel::read(bytes, report));
}

void write_model(const LanguageModel& model, const py::object& path) {
  const std::string bytes = fastctc_bindings::path_bytes(path);
  const py::gil_scoped_release release;  // the file may be slow; no Python below, and the model never changes
  model.write(bytes);
}

void check_state(const LanguageModel& model, LanguageModel::State state) {
  if (state < model.n_states()) return;
  throw fastctc::OptionError("State " + std::to_string(state) + " is not one of this language model, which has " +
                             std::to_string(model.n_states()) + ".");
}

void check_word(const LanguageModel& model, LanguageModel::WordId word) {
  if (word < model.n_words()) return;
  throw fastctc::OptionError("Word id " + std::to_string(word) + " is not in the language model, whose ids run from " +
                             "0 to " + std::to_string(model.n_words() - 1) + ".");
}

py::tuple score(const LanguageModel& model, LanguageModel::State state, LanguageModel::WordId word) {
  check_state(model, state);
  check_word(model, word);
  LanguageModel::State next = 0;
  const float ln_prob = model.score(state, word, &next);
  return py::make_tuple(ln_prob, next);
}

float score_end(const LanguageModel& model, LanguageModel::State state) {
  check_state(model, state);
  return model.score_end(state);
}

std::vector<float> score_words(const LanguageModel& model, const std::vector<LanguageModel::WordId>& ids, bool bos,
                               bool eos) {
  for (const LanguageModel::WordId id : ids) check_word(model, id);
  const py::gil_scoped_release release;  // texts may be long; no Python below
  std::vector<float> scores;
  scores.reserve(ids.size() + 1);
  LanguageModel::State state = bos ? model.start() : model.empty();
  for (const LanguageModel::WordId id : ids) scores.push_back(model.score(state, id, &state));
  if (eos) scores.push_back(model.score_end(state));
  return scores;
}

}  // namespace

void bind_language_model(py::module_& module) {
  // But for files and whole texts the GIL stays: every call takes less than a microsecond.
  py::class_<LanguageModel, std::shared_ptr<LanguageModel>>(
      module, "LanguageModel", "A back-off n-gram model; immutable. Log-probs are natural logarithms.")
      .def_static("read", &read_model, py::arg("path"), py::arg("progress") = py::none(),
                  "Reads ARPA (plain or gzip) or the binary form. `progress` is called with the part of an ARPA file "
                  "that is read, 0 to 1.")
      .def("write", &write_model, py::arg("path"), "Writes the binary form; the file appears whole or not at all.")
      .def_property_readonly("order", &LanguageModel::order)
      .def_property_readonly("n_words", &LanguageModel::n_words, "<unk>, <s> and </s> included.")
      .def_property_readonly("n_states", &LanguageModel::n_states)
      .def_property_readonly("n_bytes", &LanguageModel::n_bytes, "Size of the binary form.")
      .def("n_grams", &LanguageModel::n_grams, py::arg("n"), "Of order n, from 1; as in the ARPA file.")
      .def(
          "find",
          [](const LanguageModel& model, const std::string& word) { return model.find(word.data(), word.size()); },
          py::arg("word"), "Id of the word; 0, that of <unk>, where it isn't there.")
      .def("word", &LanguageModel::word, py::arg("word_id"))
      .def_property_readonly("start", &LanguageModel::start, "State after <s>.")
      .def_property_readonly("empty", &LanguageModel::empty, "State without history.")
      .def("score", &score, py::arg("state"), py::arg("word_id"), "ln P(word | state) and the state that follows.")
      .def("score_end", &score_end, py::arg("state"), "ln P(</s> | state).")
      .def("score_words", &score_words, py::arg("word_ids"), py::arg("bos") = true, py::arg("eos") = true,
           "ln P of each word of a text, and of </s> with `eos`.");
}
