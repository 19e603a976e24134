#include "decoding/spelling.h"

#include <algorithm>

namespace fastctc {
namespace {

std::string show(Symbol symbol) { return symbol == kBoundary ? "a space" : "'" + to_utf8(symbol) + "'"; }

bool less_first(const std::pair<Symbol, std::size_t>& entry, Symbol symbol) { return entry.first < symbol; }

}  // namespace

Spelling::Spelling(const std::vector<std::vector<Symbol>>& tokens, const std::vector<bool>& bytes, bool starts_word)
    : tokens_(1), ends_of_tokens_(1), bytes_(bytes), starts_word_(starts_word) {
  for (const std::vector<Symbol>& token : tokens) {
    if (token.empty()) continue;
    const Symbol* begin = token.data();
    const Symbol* end = begin + token.size();
    insert(tokens_, begin, end);
    for (const Symbol* from = begin + 1; from < end; ++from) insert(ends_of_tokens_, from, end);
    symbols_.insert(symbols_.end(), begin, end);
  }
  std::sort(symbols_.begin(), symbols_.end());
  symbols_.erase(std::unique(symbols_.begin(), symbols_.end()), symbols_.end());
}

std::size_t Spelling::child(const Trie& trie, std::size_t node, Symbol symbol) {
  const auto& children = trie[node].children;
  const auto found = std::lower_bound(children.begin(), children.end(), symbol, less_first);
  return found != children.end() && found->first == symbol ? found->second : 0;
}

void Spelling::insert(Trie& trie, const Symbol* begin, const Symbol* end) {
  std::size_t node = 0;
  for (; begin != end; ++begin) {
    std::size_t next = child(trie, node, *begin);
    if (next == 0) {
      next = trie.size();
      trie.emplace_back();
      auto& children = trie[node].children;
      children.insert(std::lower_bound(children.begin(), children.end(), *begin, less_first), {*begin, next});
    }
    node = next;
  }
  trie[node].ends = true;
}

bool Spelling::spell(const Trie& trie, std::size_t node, const std::vector<Symbol>& phrase, std::size_t begin,
                     std::vector<bool>& reached) {
  for (std::size_t position = begin; position < phrase.size(); ++position) {
    node = child(trie, node, phrase[position]);
    if (node == 0) return false;
    if (trie[node].ends) reached[position + 1] = true;
  }
  return true;  // every node is on the way to the end of a token
}

std::string Spelling::find_gap(const std::vector<Symbol>& phrase) const {
  const std::size_t n = phrase.size();
  // A boundary at the end may be the end of the utterance, one at the front its start.
  const std::size_t goal = phrase.back() == kBoundary ? n - 1 : n;
  std::vector<bool> reached(n + 1, false);
  reached[0] = true;
  if (starts_word_ && phrase.front() == kBoundary) reached[1] = true;
  bool done = spell(ends_of_tokens_, 0, phrase, 0, reached);
  std::size_t last = 0;
  for (std::size_t position = 0; position < n && !done && !reached[goal]; ++position) {
    if (!reached[position]) continue;
    last = position;
    done = spell(tokens_, 0, phrase, position, reached);
    if (position > 0 && phrase[position - 1] == kBoundary) {
      // A boundary after a boundary changes nothing.
      const std::size_t after_boundary = child(tokens_, 0, kBoundary);
      if (after_boundary != 0) done = done || spell(tokens_, after_boundary, phrase, position, reached);
    }
    if (spells_with_bytes(phrase[position])) reached[position + 1] = true;
  }
  if (done || reached[goal]) return "";

  std::string missing;
  for (std::size_t position = 0; position < goal; ++position) {
    const Symbol symbol = phrase[position];
    const bool is_first = std::find(phrase.begin(), phrase.begin() + static_cast<std::ptrdiff_t>(position), symbol) ==
                          phrase.begin() + static_cast<std::ptrdiff_t>(position);
    if (!is_first || std::binary_search(symbols_.begin(), symbols_.end(), symbol) || spells_with_bytes(symbol))
      continue;
    if (position == 0 && symbol == kBoundary) continue;
    missing += (missing.empty() ? "no piece has " : ", ") + show(symbol);
  }
  if (!missing.empty()) return missing;
  std::string spelled;
  for (std::size_t position = phrase.front() == kBoundary; position < last; ++position) {
    spelled += to_utf8(phrase[position]);
  }
  return "no piece goes on with " + show(phrase[last]) +
         (spelled.empty() ? " at its start" : " after '" + spelled + "'");
}

bool Spelling::spells_with_bytes(Symbol symbol) const {
  const std::string bytes = to_utf8(symbol);
  return std::all_of(bytes.begin(), bytes.end(), [&](char byte) { return bytes_[static_cast<unsigned char>(byte)]; });
}

}  // namespace fastctc
