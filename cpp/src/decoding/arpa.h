// ARPA files: back-off n-gram models as text (Doug Paul's format, as SRILM's ngram-format(5) describes it).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/text_lines.h"
#include "decoding/ngram_words.h"

namespace fastctc {

constexpr std::size_t kHighestOrder = 32;

// All n-grams of one order, sorted by (parent, word), each once.
struct NgramList {
  std::vector<std::uint32_t> parents;  // position of the n-gram without its last word in the next lower order
  std::vector<std::uint32_t> words;    // the last word
  std::vector<float> ln_probs;
  std::vector<float> ln_backoffs;           // 0 where the file has none
  std::vector<std::uint32_t> first_childs;  // [n + 1], of the next higher order; empty in the highest
  std::size_t size() const { return words.size(); }
};

struct NgramTables {
  WordTable words;                // <unk> is 0
  std::vector<NgramList> orders;  // [order]; the first by word id, <unk> there whether or not the file has it
  bool has_unknown = false;
};

// Called with the part of the file that is read, 0 to 1, a few hundred times; may throw to stop.
using ReadProgress = std::function<void(double)>;

// Reads a file whose n-grams may stand in any order. A missing <unk> gets the log-prob -100 ln 10, as with KenLM;
// "<UNK>" is read as "<unk>". Raises ModelError that names the line: wrong counts, order above kHighestOrder, numbers
// that are none, positive log-probs, unknown words, contexts that are no n-grams themselves, n-grams that are there
// twice, no <s> or </s>, another encoding, a file that is cut off.
NgramTables read_arpa(TextLines& lines, const ReadProgress& progress = ReadProgress());

}  // namespace fastctc
