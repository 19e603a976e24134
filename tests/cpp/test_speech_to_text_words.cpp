// Word alternatives and keywords of the SPL operator.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "SpeechToTextWords.h"

using namespace speech_to_text;

namespace {

std::vector<fastctc::Word> words(const std::string& text) {
  std::vector<fastctc::Word> all;
  for (const std::string& word : split_words(text)) {
    fastctc::Word one;
    one.text = word;
    one.start_s = static_cast<double>(all.size());
    one.end_s = one.start_s + 0.5;
    one.confidence = 0.9f;
    all.push_back(one);
  }
  return all;
}

// The fewest edits, by trying all.
std::size_t edits(const std::vector<std::string>& one, const std::vector<std::string>& other, std::size_t i,
                  std::size_t k) {
  if (i == one.size()) return other.size() - k;
  if (k == other.size()) return one.size() - i;
  const std::size_t same = edits(one, other, i + 1, k + 1) + (one[i] == other[k] ? 0 : 1);
  return std::min(same, 1 + std::min(edits(one, other, i + 1, k), edits(one, other, i, k + 1)));
}

fastctc::Transcript transcript(const std::vector<std::pair<std::string, double>>& readings) {
  fastctc::Transcript made;
  made.words = words(readings.front().first);
  for (const auto& reading : readings) {
    fastctc::Alternative alternative;
    alternative.words = words(reading.first);
    alternative.score = std::log(reading.second) - 100;
    made.alternatives.push_back(alternative);
  }
  return made;
}

}  // namespace

TEST_CASE("counterparts stand in order, as many as the fewest edits leave") {
  const std::vector<std::string> texts = {"", "a", "b a", "a b c", "a c b", "c a b a", "b b a c"};
  for (const std::string& one : texts) {
    for (const std::string& other : texts) {
      const std::vector<std::string> own = split_words(one);
      const std::vector<std::string> found = counterparts(words(one), words(other));
      REQUIRE(found.size() == own.size());
      std::size_t n_same = 0;
      std::size_t n_changed = 0;
      std::size_t next = 0;
      const std::vector<std::string> rest = split_words(other);
      for (std::size_t i = 0; i < own.size(); ++i) {
        if (found[i].empty()) continue;
        const auto at = std::find(rest.begin() + static_cast<std::ptrdiff_t>(next), rest.end(), found[i]);
        REQUIRE(at != rest.end());
        next = static_cast<std::size_t>(at - rest.begin()) + 1;
        (found[i] == own[i] ? n_same : n_changed) += 1;
      }
      CHECK(own.size() + rest.size() - 2 * n_same - n_changed == edits(own, rest, 0, 0));
    }
  }
}

TEST_CASE("a word's confidence is the share of the readings that have it in its place") {
  const fastctc::Transcript read = transcript({{"one two", 0.5}, {"one too", 0.3}, {"won two", 0.15}, {"two", 0.05}});
  const auto alternatives = word_alternatives(read, 0);
  REQUIRE(alternatives.size() == 2);
  REQUIRE(alternatives[0].size() == 2);
  CHECK(alternatives[0][0].word == "one");
  CHECK(alternatives[0][0].confidence == doctest::Approx(0.8));
  CHECK(alternatives[0][1].word == "won");
  CHECK(alternatives[0][1].confidence == doctest::Approx(0.15));
  REQUIRE(alternatives[1].size() == 2);
  CHECK(alternatives[1][0].word == "two");
  CHECK(alternatives[1][0].confidence == doctest::Approx(0.7));
  CHECK(alternatives[1][1].word == "too");
  const auto likely = word_alternatives(read, 0.2);
  CHECK(likely[0].size() == 1);
  CHECK(likely[1].size() == 2);
  CHECK(word_alternatives(transcript({{"", 1.0}}), 0).empty());
}

TEST_CASE("keywords of one word and of several, in any case, by their start") {
  std::vector<fastctc::Word> said = words("pay my Bill and my bill");
  const auto found = spot_keywords(said, {"MY bill", "pay", "bank", ""}, 0.3);
  REQUIRE(found.size() == 3);
  CHECK(found[0].keyword == "pay");
  CHECK(found[0].start_s == 0);
  CHECK(found[0].end_s == 0.5);
  CHECK(found[1].keyword == "MY bill");
  CHECK(found[1].start_s == 1);
  CHECK(found[1].end_s == 2.5);
  CHECK(found[2].start_s == 4);
  said[2].confidence = 0.2f;  // a phrase is as sure as its least sure word
  CHECK(spot_keywords(said, {"my bill"}, 0.3).size() == 1);
  CHECK(spot_keywords(said, {"my bill"}, 0.1).front().confidence == doctest::Approx(0.2));
}
