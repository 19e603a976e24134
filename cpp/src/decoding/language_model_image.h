// The compact form of a language model: the same bytes in memory and on disk.
//
// All numbers as the machine has them; the sections follow each other, each at a multiple of 8 bytes:
//
//   Header
//   n_grams       u64 [order]          n-grams of each order in the ARPA file
//   nodes         Node [n_nodes + 1]   contexts, shorter ones first; 0 is the empty one, the last only ends the arcs
//   arc_words     u32 [n_arcs]         words that follow a context, ascending; those of node 0 are all words
//   arcs          Arc [n_arcs]
//   word_offsets  u64 [n_words + 1]    of text
//   word_slots    u32 [n_slots]        ngram_words.h
//   text          char [n_text_bytes]
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "decoding/arpa.h"
#include "decoding/ngram_words.h"

namespace fastctc {

struct ImageHeader {
  char magic[16];
  std::uint32_t byte_order;
  std::uint32_t version;
  std::uint64_t n_bytes;  // of the whole image
  std::uint64_t order;
  std::uint64_t n_words;
  std::uint64_t n_nodes;
  std::uint64_t n_arcs;
  std::uint64_t n_slots;
  std::uint64_t n_text_bytes;
  std::uint32_t start;  // node after <s>
  std::uint32_t end_word;
};
static_assert(sizeof(ImageHeader) == 88, "part of the binary form");

struct ImageNode {
  std::uint32_t first_arc;
  std::uint32_t link;  // longest end of the context that is a context too
  float ln_backoff;
};
static_assert(sizeof(ImageNode) == 12, "part of the binary form");

struct ImageArc {
  float ln_prob;
  std::uint32_t next;  // node after context and word
};
static_assert(sizeof(ImageArc) == 8, "part of the binary form");

// Where everything stands in an image that someone else owns.
struct ImageView {
  const ImageHeader* header = nullptr;
  const std::uint64_t* n_grams = nullptr;
  const ImageNode* nodes = nullptr;
  const std::uint32_t* arc_words = nullptr;
  const ImageArc* arcs = nullptr;
  WordView words;
};

constexpr std::size_t kMagicBytes = 16;
bool is_image(const char* bytes, std::size_t n_bytes);

// Checks every bound in one pass over the image, so that no use of the view reads outside of it whatever the bytes are.
// `bytes` is 8-byte aligned; `what` names it in messages. Raises ModelError.
ImageView view_image(const char* bytes, std::size_t n_bytes, const std::string& what);

// LanguageModel::score. `state` is a node and `word` a word of the image.
float score(const ImageView& view, std::uint32_t state, std::uint32_t word, std::uint32_t* next);

// The n-grams as an automaton over contexts. n-grams that nothing follows and that don't back off are no contexts: they
// would score as their ends do.
std::vector<char> make_image(const NgramTables& tables);

}  // namespace fastctc
