// The words of a language model by their bytes: how far an open word may still become one of them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "fastctc/language_model.h"

namespace fastctc {

class WordTrie {
 public:
  using Node = std::uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr Node kOutside = 0xffffffffu;  // no word starts so

  explicit WordTrie(const LanguageModel& model);
  // Built once for a model, and shared as long as someone holds it. Safe from any thread.
  static std::shared_ptr<const WordTrie> of(const std::shared_ptr<const LanguageModel>& model);

  Node child(Node node, unsigned char byte) const;

 private:
  // Breadth first: children of node i are first_child_[i] to first_child_[i + 1], by byte.
  std::vector<unsigned char> bytes_;
  std::vector<Node> first_child_;
};

}  // namespace fastctc
