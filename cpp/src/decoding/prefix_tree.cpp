#include "decoding/prefix_tree.h"

#include <algorithm>
#include <utility>

namespace fastctc {

void PrefixTree::clear() {
  nodes_.clear();
  free_.clear();
  nodes_.emplace_back();
  hold(kRoot);
}

PrefixTree::Id PrefixTree::find(Id parent, std::int32_t token, std::int32_t word) const {
  for (Id child = (*this)[parent].first_child; child != kNone; child = (*this)[child].next) {
    if ((*this)[child].token == token && (*this)[child].word == word) return child;
  }
  return kNone;
}

PrefixTree::Id PrefixTree::add(Id parent, std::int32_t token, std::int32_t word, const FusionState& state) {
  if (free_.empty()) {
    free_.push_back(static_cast<Id>(nodes_.size()));
    nodes_.emplace_back();
  }
  const Id id = free_.back();
  free_.pop_back();
  Node node;
  node.parent = parent;
  node.token = token;
  node.word = word;
  node.depth = (*this)[parent].depth + 1;
  node.next = (*this)[parent].first_child;
  node.state = state;
  if (node.next != kNone) (*this)[node.next].previous = id;
  (*this)[parent].first_child = id;
  (*this)[id] = node;
  return id;
}

void PrefixTree::release(Id id) {
  --(*this)[id].n_holders;
  while (id != kRoot && (*this)[id].n_holders == 0 && (*this)[id].first_child == kNone) {
    const Node& node = (*this)[id];
    const Id parent = node.parent;
    if (node.next != kNone) (*this)[node.next].previous = node.previous;
    if (node.previous != kNone) {
      (*this)[node.previous].next = node.next;
    } else {
      (*this)[parent].first_child = node.next;
    }
    free_.push_back(id);
    id = parent;
  }
}

std::vector<int> PrefixTree::tokens(Id id, Id ancestor) const {
  std::vector<int> result;
  for (; id != ancestor && id != kRoot; id = (*this)[id].parent) result.push_back((*this)[id].token);
  std::reverse(result.begin(), result.end());
  return result;
}

PrefixTree::Id PrefixTree::common_ancestor(Id a, Id b) const {
  while (a != b) {
    if ((*this)[a].depth >= (*this)[b].depth) {
      a = (*this)[a].parent;
    } else {
      b = (*this)[b].parent;
    }
  }
  return a;
}

bool PrefixTree::is_ancestor(Id ancestor, Id id) const {
  while ((*this)[id].depth > (*this)[ancestor].depth) id = (*this)[id].parent;
  return id == ancestor;
}

bool PrefixTree::before(Id a, std::int32_t a_token, std::int32_t a_word, Id b, std::int32_t b_token,
                        std::int32_t b_word) const {
  using Step = std::pair<std::int32_t, std::int32_t>;
  const Id common = common_ancestor(a, b);
  const auto path = [&](Id id, std::int32_t token, std::int32_t word) {
    std::vector<Step> steps;
    if (token >= 0) steps.emplace_back(token, word);
    for (; id != common; id = (*this)[id].parent) steps.emplace_back((*this)[id].token, (*this)[id].word);
    std::reverse(steps.begin(), steps.end());
    return steps;
  };
  // Tokens decide before words do.
  const std::vector<Step> first = path(a, a_token, a_word);
  const std::vector<Step> second = path(b, b_token, b_word);
  const auto by_token = [](const Step& x, const Step& y) { return x.first < y.first; };
  if (std::lexicographical_compare(first.begin(), first.end(), second.begin(), second.end(), by_token)) return true;
  if (std::lexicographical_compare(second.begin(), second.end(), first.begin(), first.end(), by_token)) return false;
  return first < second;
}

}  // namespace fastctc
