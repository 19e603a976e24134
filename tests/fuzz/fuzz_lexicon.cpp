// Any bytes as a lexicon: they are read or refused with a ModelError; every spelling is found again.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "base/text_lines.h"
#include "decoding/lexicon_lines.h"
#include "fastctc/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fastctc::Vocabulary vocabulary({"a", "b", "ab", "\xC9\x9B", "<wb>", "0.5", "<blk>"});
  const std::string word_end = size % 2 == 0 ? "" : "<wb>";
  try {
    const char* bytes = reinterpret_cast<const char*>(data);
    fastctc::TextLines lines(std::make_unique<fastctc::MemorySource>(bytes, size), "The lexicon");
    const auto lexicon = fastctc::parse_lexicon(lines, vocabulary, word_end, fastctc::OutOfLexicon::forbid);
    std::vector<bool> found(lexicon->n_words(), false);
    std::size_t n_nodes = 0;
    std::size_t n_entries = 0;
    std::vector<fastctc::Lexicon::Node> open = {fastctc::Lexicon::kRoot};
    while (!open.empty()) {
      const fastctc::Lexicon::Node node = open.back();
      open.pop_back();
      ++n_nodes;
      const auto words = lexicon->words_at(node);
      n_entries += static_cast<std::size_t>(words.second - words.first);
      for (const std::uint32_t* word = words.first; word != words.second; ++word) {
        if (lexicon->word(*word).empty()) std::abort();
        found[*word] = true;
      }
      for (int token = 0; token < static_cast<int>(vocabulary.size()); ++token) {
        const fastctc::Lexicon::Node child = lexicon->child(node, token);
        if (child != fastctc::Lexicon::kNone) open.push_back(child);
      }
    }
    lexicon->visit([&](const std::string&, const std::vector<int>&) { --n_entries; });
    if (n_nodes != lexicon->n_nodes() || n_entries != 0) std::abort();
    for (const bool one : found) {
      if (!one) std::abort();
    }
  } catch (const fastctc::ModelError&) {
  }
  return 0;
}
