// Aho-Corasick over weighted phrases.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "decoding/characters.h"

namespace fastctc {

struct WeightedPhrase {
  std::vector<Symbol> symbols;  // not empty
  double bonus = 0;
};

// The automaton of Aho and Corasick (1975): a node is the longest end of the text that starts a phrase; 0 is none.
//
// A node's potential is what the most promising phrase that may stand here has earned: bonus * spelled / length, not
// counting boundaries at its ends, 0 for disfavoured ones. Potentials are multiples of 2^-20, so that what is paid and
// what is withdrawn cancel exactly.
class PhraseAutomaton {
 public:
  using Node = std::uint32_t;

  // Bonuses of equal phrases add up.
  explicit PhraseAutomaton(std::vector<WeightedPhrase> phrases);

  std::size_t n_nodes() const { return nodes_.size(); }
  // The node after one more symbol. A boundary after a boundary changes nothing.
  Node next(Node node, Symbol symbol) const;
  // The node's own child, 0 where there is none.
  Node child(Node node, Symbol symbol) const;
  Node fail(Node node) const { return nodes_[node].fail; }
  bool ends_in_boundary(Node node) const { return node != 0 && symbols_[node] == kBoundary; }
  // Bonuses of the phrases that end here.
  double credit(Node node) const { return nodes_[node].credit; }
  double potential(Node node) const { return nodes_[node].potential; }
  // By symbol, ascending: what it earns at most, in credit and potential together, wherever it stands; others nothing.
  std::vector<std::pair<Symbol, double>> most_earned() const;

 private:
  // All that a step reads of a node, in half a cache line.
  struct Entry {
    std::uint32_t first_child = 0;  // children follow each other, by symbol
    std::uint32_t n_children = 0;
    Symbol first_symbol = 0;  // of the first child; most nodes have one
    Node fail = 0;
    double credit = 0;
    double potential = 0;
  };
  void build_trie(const std::vector<WeightedPhrase>& phrases);
  void link();

  std::vector<Entry> nodes_;
  std::vector<Symbol> symbols_;  // [n_nodes] that leads to the node
  std::vector<Node> parents_;    // [n_nodes]
};

}  // namespace fastctc
