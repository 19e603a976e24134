// What Python can't see: the trie by pointers, and entries that are not UTF-8.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "fastctc/lexicon.h"

TEST_CASE("words stand at the nodes of their spellings") {
  const fastctc::Lexicon lexicon({{"x", {0, 1}}, {"y", {0}}, {"\xFF", {0, 1}}, {"x", {0, 1}}}, 2);
  const fastctc::Lexicon::Node first = lexicon.child(fastctc::Lexicon::kRoot, 0);
  const fastctc::Lexicon::Node second = lexicon.child(first, 1);
  CHECK(lexicon.child(first, 0) == fastctc::Lexicon::kNone);
  CHECK(lexicon.child(second, 0) == fastctc::Lexicon::kNone);
  CHECK_FALSE(lexicon.is_leaf(first));
  CHECK(lexicon.is_leaf(second));
  const auto words = lexicon.words_at(second);
  CHECK(std::vector<std::uint32_t>(words.first, words.second) == std::vector<std::uint32_t>{0, 2});
  CHECK(lexicon.words_at(fastctc::Lexicon::kRoot).first == lexicon.words_at(fastctc::Lexicon::kRoot).second);
  CHECK(lexicon.word(2) == "\xFF");
}

TEST_CASE("a lexicon gives its entries in the order of their tokens") {
  const fastctc::Lexicon lexicon({{"x", {1}}, {"y", {0, 2}}, {"z", {0}}, {"z", {0, 1, 2}}, {"x", {0}}, {"x", {1}}}, 3);
  std::string found;
  lexicon.visit([&](const std::string& word, const std::vector<int>& token_ids) {
    found += word;
    for (const int id : token_ids) found += std::to_string(id);
    found += ' ';
  });
  CHECK(found == "x0 z0 z012 y02 x1 ");
}
