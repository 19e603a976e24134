#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "fastctc/assemble.h"
#include "fastctc/error.h"

using namespace fastctc;

namespace {

#define MARK "\xE2\x96\x81"

Vocabulary vocabulary() { return Vocabulary({"<unk>", MARK "two", MARK, "ni", "ne", "<blk>"}); }

}  // namespace

TEST_CASE("assemble: tokens in seconds, words from their first token to their last") {
  Hypothesis hypothesis;
  hypothesis.tokens = {{1, 2, 4, -0.5f, 0.9f}, {2, 5, 6, -0.1f, 0.2f}, {3, 7, 8, -0.2f, 0.8f}, {4, 9, 12, -0.3f, 0.6f}};
  const Transcript result = assemble(hypothesis, vocabulary(), 0.08, 0.9);
  CHECK(result.text == "two nine");
  CHECK(result.duration_s == 0.9);
  REQUIRE(result.tokens.size() == 4);
  CHECK(result.tokens[0].piece == MARK "two");
  CHECK(result.tokens[0].start_s == 2 * 0.08);
  CHECK(result.tokens[0].end_s == 4 * 0.08);
  CHECK(result.tokens[0].log_prob == -0.5f);
  CHECK(result.tokens[3].end_s == 0.9);  // the frame reaches beyond the audio
  REQUIRE(result.words.size() == 2);
  CHECK(result.words[1].text == "nine");
  CHECK(result.words[1].start_s == 7 * 0.08);  // the lone U+2581 has no text
  CHECK(result.words[1].end_s == 0.9);
  CHECK(result.words[1].confidence == 0.6f);
  CHECK(result.words[1].score == doctest::Approx((-0.2 - 0.3) / (1 + 3)));  // a frame: a longer token weighs more
  CHECK(result.confidence == doctest::Approx((0.9 + 0.6) / 2));
}

TEST_CASE("assemble: nothing said, audio shorter than its frames, an id that is not there") {
  const Transcript empty = assemble({}, vocabulary(), 0.08, 3.5);
  CHECK(empty.text.empty());
  CHECK(empty.words.empty());
  CHECK(empty.confidence == 1);
  CHECK(empty.duration_s == 3.5);

  Hypothesis late;
  late.tokens = {{1, 5, 7, 0, 1}};
  const Transcript result = assemble(late, vocabulary(), 0.08, 0.1);
  CHECK(result.tokens[0].start_s == 0.1);
  CHECK(result.tokens[0].end_s == 0.1);

  late.tokens[0].id = 6;
  CHECK_THROWS_AS(assemble(late, vocabulary(), 0.08, 1), OptionError);
}
