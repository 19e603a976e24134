// _core.Lexicon
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "fastctc/error.h"
#include "fastctc/lexicon.h"
#include "paths.h"

namespace py = pybind11;

namespace {

using fastctc::Lexicon;

fastctc::OutOfLexicon out_of_lexicon_from_text(const std::string& text) {
  if (text == "forbid") return fastctc::OutOfLexicon::forbid;
  if (text == "allow") return fastctc::OutOfLexicon::allow;
  throw fastctc::OptionError("Option out_of_lexicon must be forbid or allow, not '" + text + "'.");
}

std::shared_ptr<Lexicon> make(const std::vector<std::pair<std::string, std::vector<int>>>& entries,
                              std::size_t n_tokens, const std::string& out_of_lexicon) {
  const fastctc::OutOfLexicon kind = out_of_lexicon_from_text(out_of_lexicon);
  std::vector<fastctc::LexiconEntry> converted;
  converted.reserve(entries.size());
  for (const auto& entry : entries) converted.push_back({entry.first, entry.second});
  const py::gil_scoped_release release;  // sorting a large one takes milliseconds; no Python below
  return std::make_shared<Lexicon>(std::move(converted), n_tokens, kind);
}

std::shared_ptr<Lexicon> read_lexicon(const py::object& path, const fastctc::Vocabulary& vocabulary,
                                      const std::string& word_end, const std::string& out_of_lexicon) {
  const fastctc::OutOfLexicon kind = out_of_lexicon_from_text(out_of_lexicon);
  const std::string bytes = fastctc_bindings::path_bytes(path);
  const py::gil_scoped_release release;  // the file may be slow; a Vocabulary never changes
  // pybind11 holds no pointers to const; no method of the binding changes a lexicon.
  return std::const_pointer_cast<Lexicon>(Lexicon::read(bytes, vocabulary, word_end, kind));
}

void check_node(const Lexicon& lexicon, Lexicon::Node node) {
  if (node < lexicon.n_nodes()) return;
  throw fastctc::OptionError("Node " + std::to_string(node) + " is not one of this lexicon, which has " +
                             std::to_string(lexicon.n_nodes()) + ".");
}

py::object child(const Lexicon& lexicon, Lexicon::Node node, int token_id) {
  check_node(lexicon, node);
  const Lexicon::Node found = lexicon.child(node, token_id);
  return found == Lexicon::kNone ? py::object(py::none()) : py::object(py::int_(found));
}

std::vector<std::uint32_t> words_at(const Lexicon& lexicon, Lexicon::Node node) {
  check_node(lexicon, node);
  const auto range = lexicon.words_at(node);
  return std::vector<std::uint32_t>(range.first, range.second);
}

}  // namespace

void bind_lexicon(py::module_& module) {
  // But for building one the GIL stays: every call takes less than a microsecond.
  py::class_<Lexicon, std::shared_ptr<Lexicon>> lexicon(module, "Lexicon",
                                                        "Words and how tokens spell them, as a trie; immutable.");
  lexicon
      .def(py::init(&make), py::arg("entries"), py::arg("n_tokens"), py::arg("out_of_lexicon") = "forbid",
           "`entries`: (word, token ids) each; a word may have several.")
      .def_static("read", &read_lexicon, py::arg("path"), py::arg("vocabulary"), py::arg("word_end") = "",
                  py::arg("out_of_lexicon") = "forbid", "Reads `word piece piece ...` per line, plain or gzip.")
      .def("child", &child, py::arg("node"), py::arg("token_id"), "The node after one more token, or None.")
      .def(
          "is_leaf",
          [](const Lexicon& self, Lexicon::Node node) {
            check_node(self, node);
            return self.is_leaf(node);
          },
          py::arg("node"), "Whether no spelling goes on from the node.")
      .def("words_at", &words_at, py::arg("node"), "Positions of the words that end at the node, ascending.")
      .def("word", &Lexicon::word, py::arg("position"))
      .def_property_readonly("n_words", &Lexicon::n_words, "Different ones.")
      .def_property_readonly("n_nodes", &Lexicon::n_nodes)
      .def_property_readonly("n_tokens", &Lexicon::n_tokens, "Of the vocabulary.")
      .def_property_readonly("out_of_lexicon", [](const Lexicon& self) {
        return self.out_of_lexicon() == fastctc::OutOfLexicon::allow ? "allow" : "forbid";
      });
  lexicon.attr("ROOT") = Lexicon::kRoot + 0;  // a copy: kRoot has no address
}
