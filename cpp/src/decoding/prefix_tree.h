// The token sequences of a beam search: a tree whose nodes are integers in one block, freed and used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "decoding/fusion.h"

namespace fastctc {

// The prefix that a node stands for is its tokens from the root on. A node lives while someone holds it or has a child
// of it; so a prefix that left the beam and comes back while longer ones are alive is the same node again.
class PrefixTree {
 public:
  using Id = std::int32_t;
  static constexpr Id kNone = -1;
  static constexpr Id kRoot = 0;

  struct Node {
    Id parent = kNone;
    std::int32_t token = -1;
    std::int32_t word = -1;  // of a lexicon, that ends here; -1: none
    std::uint32_t depth = 0;
    std::int32_t slot = -1;  // place in the beam; -1: not there
    std::uint32_t n_holders = 0;
    Id first_child = kNone;
    Id next = kNone;  // sibling
    Id previous = kNone;
    bool has_closed = false;
    FusionState state;
    FusionState closed;  // where the open word ends; known once has_closed
  };

  PrefixTree() { clear(); }
  // Only the root is left, held.
  void clear();

  Node& operator[](Id id) { return nodes_[static_cast<std::size_t>(id)]; }
  const Node& operator[](Id id) const { return nodes_[static_cast<std::size_t>(id)]; }
  // The child, kNone where there is none.
  Id find(Id parent, std::int32_t token, std::int32_t word) const;
  // A new child; held by nobody yet.
  Id add(Id parent, std::int32_t token, std::int32_t word, const FusionState& state);
  void hold(Id id) { ++(*this)[id].n_holders; }
  void release(Id id);

  // Tokens from behind `ancestor` to the node.
  std::vector<int> tokens(Id id, Id ancestor = kRoot) const;
  // The deepest node of which both are descendants, or are themselves.
  Id common_ancestor(Id a, Id b) const;
  bool is_ancestor(Id ancestor, Id id) const;
  // Lexicographic order of the prefixes by token ids, then words; `token`, `word` >= -1 stand behind each: -1: nothing.
  bool before(Id a, std::int32_t a_token, std::int32_t a_word, Id b, std::int32_t b_token, std::int32_t b_word) const;

 private:
  std::vector<Node> nodes_;
  std::vector<Id> free_;
};

}  // namespace fastctc
