// _core.Vocabulary, _core.SentencePieceModel
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "fastctc/vocabulary.h"
#include "text/sentencepiece_model.h"
#include "text/speller.h"
#include "transcripts.h"

namespace py = pybind11;

namespace {

const char* style_name(const fastctc::Vocabulary& vocabulary) {
  switch (vocabulary.style()) {
    case fastctc::TextStyle::characters:
      return "characters";
    case fastctc::TextStyle::wordpiece:
      return "wordpiece";
    case fastctc::TextStyle::sentencepiece:
      break;
  }
  return "sentencepiece";
}

fastctc::Vocabulary read_list(const py::object& path, std::size_t n_tokens, int blank_id, const std::string& style) {
  // The bytes of the path as the system has them; on Windows UTF-8.
  const std::string bytes = py::cast<std::string>(py::module_::import("os").attr("fsencode")(path));
  const py::gil_scoped_release release;  // the file may be slow; no Python below
  return fastctc::Vocabulary::read(bytes, n_tokens, blank_id, style);
}

py::tuple words(const fastctc::Vocabulary& vocabulary, const std::vector<int>& ids) {
  return fastctc_bindings::tuple_of(vocabulary.words(ids), [](const fastctc::Vocabulary::WordSpan& word) {
    return py::make_tuple(word.text, word.begin, word.end);
  });
}

std::vector<int> spell(const fastctc::Vocabulary& vocabulary, const std::string& text, const py::object& model) {
  std::unique_ptr<const fastctc::SentencePieceModel> pieces;
  if (!model.is_none()) {
    pieces = std::make_unique<const fastctc::SentencePieceModel>(model.cast<const fastctc::SentencePieceModel&>());
  }
  return fastctc::Speller(vocabulary, std::move(pieces)).spell(text);
}

fastctc::SentencePieceModel parse_model(const py::bytes& bytes, const std::string& name) {
  return fastctc::SentencePieceModel::parse(std::string(bytes), name);
}

}  // namespace

void bind_vocabulary(py::module_& module) {
  using fastctc::Vocabulary;
  // The GIL stays: but for reading a file, every call takes microseconds.
  py::class_<Vocabulary>(module, "Vocabulary")
      .def(py::init<std::vector<std::string>, int>(), py::arg("pieces"), py::arg("blank_id") = -1)
      .def_static("read", &read_list, py::arg("path"), py::arg("n_tokens") = 0, py::arg("blank_id") = -1,
                  py::arg("style") = "")
      .def("__len__", &Vocabulary::size)
      .def_property_readonly("blank_id", &Vocabulary::blank_id)
      .def_property_readonly("style", &style_name)
      .def_property_readonly("pieces",
                             [](const Vocabulary& vocabulary) {
                               return fastctc_bindings::tuple_of(
                                   vocabulary.pieces(), [](const std::string& piece) { return py::str(piece); });
                             })
      .def("piece", &Vocabulary::piece, py::arg("token_id"))
      .def("text", &Vocabulary::text, py::arg("ids"))
      .def(
          "token_text",
          [](const Vocabulary& vocabulary, int token_id) {
            const Vocabulary::TokenText text = vocabulary.token_text(token_id);
            return py::make_tuple(text.text, text.byte < 0 ? py::object(py::none()) : py::object(py::int_(text.byte)));
          },
          py::arg("token_id"), "What the token adds to a text that others began, and the value of a byte piece.")
      .def("words", &words, py::arg("ids"))
      .def("spell", &spell, py::arg("text"), py::arg("model") = py::none(),
           "Ids of the tokens that spell a text, as Recognizer.spell.");
  using fastctc::SentencePieceModel;
  py::class_<SentencePieceModel>(module, "SentencePieceModel")
      .def(py::init(&parse_model), py::arg("bytes"), py::arg("name"))
      .def("__len__", &SentencePieceModel::size)
      .def("encode", &SentencePieceModel::encode, py::arg("text"), "Ids; -1: a run of unknown characters.")
      .def("normalize", &SentencePieceModel::normalize, py::arg("text"));
}
