#include "decoding/word_trie.h"

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <string>
#include <utility>

namespace fastctc {

WordTrie::WordTrie(const LanguageModel& model) {
  std::vector<std::string> words;
  words.reserve(model.n_words());
  for (LanguageModel::WordId id = 0; id < model.n_words(); ++id) {
    if (id != LanguageModel::kUnknown) words.push_back(model.word(id));
  }
  std::sort(words.begin(), words.end());
  struct Range {
    std::size_t begin;
    std::size_t end;
  };
  // Words of a node share their first `depth` bytes.
  std::vector<Range> level = {{0, words.size()}};
  bytes_.push_back(0);
  for (std::size_t depth = 0; !level.empty(); ++depth) {
    std::vector<Range> next;
    for (const Range& range : level) {
      first_child_.push_back(static_cast<Node>(bytes_.size()));
      for (std::size_t i = range.begin; i < range.end;) {
        if (words[i].size() <= depth) {
          ++i;
          continue;
        }
        const char byte = words[i][depth];
        std::size_t end = i;
        while (end < range.end && words[end][depth] == byte) ++end;
        bytes_.push_back(static_cast<unsigned char>(byte));
        next.push_back({i, end});
        i = end;
      }
    }
    level = std::move(next);
  }
  first_child_.push_back(static_cast<Node>(bytes_.size()));
}

std::shared_ptr<const WordTrie> WordTrie::of(const std::shared_ptr<const LanguageModel>& model) {
  using Entry = std::pair<std::weak_ptr<const LanguageModel>, std::weak_ptr<const WordTrie>>;
  static std::mutex mutex;
  static std::vector<Entry> entries;
  const std::lock_guard<std::mutex> lock(mutex);
  entries.erase(
      std::remove_if(entries.begin(), entries.end(), [](const Entry& entry) { return entry.first.expired(); }),
      entries.end());
  for (Entry& entry : entries) {
    if (entry.first.lock() != model) continue;
    std::shared_ptr<const WordTrie> trie = entry.second.lock();
    if (!trie) entry.second = trie = std::make_shared<WordTrie>(*model);
    return trie;
  }
  auto trie = std::make_shared<const WordTrie>(*model);
  entries.emplace_back(model, trie);
  return trie;
}

WordTrie::Node WordTrie::child(Node node, unsigned char byte) const {
  if (node == kOutside) return kOutside;
  const auto begin = bytes_.begin() + first_child_[node];
  const auto end = bytes_.begin() + first_child_[node + 1];
  const auto found = std::lower_bound(begin, end, byte);
  return found != end && *found == byte ? static_cast<Node>(found - bytes_.begin()) : kOutside;
}

}  // namespace fastctc
