#include "decoding/phrase_automaton.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fastctc {
namespace {

constexpr double kSteps = 1 << 20;

// What a phrase has earned when so many of its symbols are spelled; boundaries at its ends are no work.
double earned(const WeightedPhrase& phrase, std::size_t n_spelled) {
  if (phrase.bonus <= 0 || n_spelled == phrase.symbols.size()) return 0;
  const std::size_t n_front = phrase.symbols.front() == kBoundary;
  const std::size_t n_back = phrase.symbols.size() > 1 && phrase.symbols.back() == kBoundary;
  if (n_spelled <= n_front) return 0;
  const double part =
      static_cast<double>(n_spelled - n_front) / static_cast<double>(phrase.symbols.size() - n_front - n_back);
  return std::floor(phrase.bonus * part * kSteps) / kSteps;
}

}  // namespace

PhraseAutomaton::PhraseAutomaton(std::vector<WeightedPhrase> phrases) {
  std::stable_sort(phrases.begin(), phrases.end(), [](const WeightedPhrase& left, const WeightedPhrase& right) {
    return left.symbols < right.symbols;
  });
  std::vector<WeightedPhrase> merged;
  for (WeightedPhrase& phrase : phrases) {
    if (!merged.empty() && merged.back().symbols == phrase.symbols) {
      merged.back().bonus += phrase.bonus;
    } else {
      merged.push_back(std::move(phrase));
    }
  }
  build_trie(merged);
  link();
}

// Breadth first over the sorted phrases, so that children follow each other.
void PhraseAutomaton::build_trie(const std::vector<WeightedPhrase>& phrases) {
  struct Range {
    std::size_t begin, end;  // of phrases that start with the node's symbols
    std::size_t depth;
  };
  std::vector<Range> ranges = {{0, phrases.size(), 0}};
  symbols_.push_back(0);
  parents_.push_back(0);
  for (std::size_t node = 0; node < ranges.size(); ++node) {
    Range range = ranges[node];
    Entry entry;
    entry.first_child = static_cast<std::uint32_t>(symbols_.size());
    for (std::size_t index = range.begin; index < range.end; ++index) {
      entry.potential = std::max(entry.potential, earned(phrases[index], range.depth));
    }
    if (range.begin < range.end && phrases[range.begin].symbols.size() == range.depth) {
      entry.credit = phrases[range.begin].bonus;
      ++range.begin;
    }
    while (range.begin < range.end) {
      const Symbol symbol = phrases[range.begin].symbols[range.depth];
      std::size_t end = range.begin;
      while (end < range.end && phrases[end].symbols[range.depth] == symbol) ++end;
      ranges.push_back({range.begin, end, range.depth + 1});
      symbols_.push_back(symbol);
      parents_.push_back(static_cast<Node>(node));
      range.begin = end;
    }
    entry.n_children = static_cast<std::uint32_t>(symbols_.size()) - entry.first_child;
    if (entry.n_children > 0) entry.first_symbol = symbols_[entry.first_child];
    nodes_.push_back(entry);
  }
}

// Failure links; a node is longer than the one that it fails to, which is complete then.
void PhraseAutomaton::link() {
  for (Node node = 1; node < n_nodes(); ++node) {
    const Node parent = parents_[node];
    Node fail = 0;
    for (Node end = parent; end != 0 && fail == 0;) {
      end = nodes_[end].fail;
      fail = child(end, symbols_[node]);
    }
    nodes_[node].fail = fail;
    nodes_[node].credit += nodes_[fail].credit;
    nodes_[node].potential = std::max(nodes_[node].potential, nodes_[fail].potential);
  }
}

PhraseAutomaton::Node PhraseAutomaton::child(Node node, Symbol symbol) const {
  const Entry& entry = nodes_[node];
  if (entry.n_children == 0) return 0;
  if (entry.first_symbol == symbol) return entry.first_child;
  if (entry.n_children == 1) return 0;
  const auto begin = symbols_.begin() + entry.first_child;
  const auto end = begin + entry.n_children;
  const auto found = std::lower_bound(begin, end, symbol);
  return found != end && *found == symbol ? static_cast<Node>(found - symbols_.begin()) : 0;
}

PhraseAutomaton::Node PhraseAutomaton::next(Node node, Symbol symbol) const {
  if (symbol == kBoundary && ends_in_boundary(node)) return node;
  for (;;) {
    const Node found = child(node, symbol);
    if (found != 0 || node == 0) return found;
    node = nodes_[node].fail;
  }
}

// Leaving a node for one that it fails to earns nothing: its potential is at least as high.
std::vector<std::pair<Symbol, double>> PhraseAutomaton::most_earned() const {
  std::vector<std::pair<Symbol, double>> earnings;
  for (Node node = 1; node < n_nodes(); ++node) {
    const double earning = nodes_[node].credit + nodes_[node].potential - nodes_[parents_[node]].potential;
    if (earning > 0) earnings.emplace_back(symbols_[node], earning);
  }
  std::sort(earnings.begin(), earnings.end());
  std::vector<std::pair<Symbol, double>> most;
  for (const auto& earning : earnings) {
    if (most.empty() || most.back().first != earning.first) most.push_back(earning);
    most.back() = earning;  // the highest of a symbol comes last
  }
  return most;
}

}  // namespace fastctc
