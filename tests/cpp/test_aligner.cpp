#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include "decoding/alignment/trellis.h"
#include "fastctc/aligner.h"
#include "fastctc/error.h"
#include "fastctc/text_aligner.h"

using namespace fastctc;

namespace {

constexpr std::size_t kTokens = 5;
constexpr int kBlank = 4;

// Rounded to few values, many paths are equally good: ties show, too.
std::vector<float> random_log_probs(std::size_t n_frames, bool with_ties, std::mt19937& random) {
  std::uniform_real_distribution<float> uniform(-6, 0);
  std::vector<float> values(n_frames * kTokens);
  for (float& value : values) value = with_ties ? std::round(uniform(random) / 2) : uniform(random);
  return values;
}

std::vector<int> random_tokens(std::size_t n, std::mt19937& random) {
  std::vector<int> tokens(n);
  for (int& token : tokens) token = static_cast<int>(random() % (kTokens - 1));
  return tokens;
}

}  // namespace

TEST_CASE("aligner: checkpoints change nothing, wherever they lie") {
  std::mt19937 random(5);
  for (std::size_t n_frames = 1; n_frames <= 40; ++n_frames) {
    for (const bool with_ties : {false, true}) {
      const std::vector<float> values = random_log_probs(n_frames, with_ties, random);
      const std::vector<int> tokens = random_tokens(random() % (n_frames / 2 + 1), random);
      std::vector<const float*> rows;
      for (std::size_t frame = 0; frame < n_frames; ++frame) rows.push_back(values.data() + frame * kTokens);
      const BestPath whole = find_best_path(rows, tokens, kBlank, n_frames);
      REQUIRE(whole.states.size() == n_frames);
      REQUIRE(whole.score > -1e6);
      // Every length of block, so that the last one has every length from 1 to a whole one.
      for (std::size_t block = 1; block <= n_frames + 2; ++block) {
        const BestPath path = find_best_path(rows, tokens, kBlank, block);
        CAPTURE(n_frames);
        CAPTURE(block);
        REQUIRE(path.score == whole.score);
        REQUIRE(path.states == whole.states);
      }
      REQUIRE(find_best_path(rows, tokens, kBlank).states == whole.states);
    }
  }
}

TEST_CASE("aligner: what is too large to be kept whole is aligned as if it were") {
  // 4,500 frames, 2,001 tokens: 18 million moves, more than the 16 MiB that are kept.
  std::mt19937 random(6);
  const std::size_t n_frames = 4500;
  const std::vector<float> values = random_log_probs(n_frames, false, random);
  const std::vector<int> tokens = random_tokens(2001, random);
  std::vector<const float*> rows;
  for (std::size_t frame = 0; frame < n_frames; ++frame) rows.push_back(values.data() + frame * kTokens);
  const BestPath whole = find_best_path(rows, tokens, kBlank, n_frames);
  const BestPath blocks = find_best_path(rows, tokens, kBlank);
  CHECK(blocks.score == whole.score);
  CHECK(blocks.states == whole.states);
}

TEST_CASE("aligner: step by step it is align(), and only columns of the text are kept") {
  std::mt19937 random(7);
  for (const std::size_t n_frames :
       {std::size_t{1}, std::size_t{511}, std::size_t{512}, std::size_t{513}, std::size_t{1300}}) {
    const std::vector<float> values = random_log_probs(n_frames, false, random);
    const std::vector<int> tokens = random_tokens(n_frames / 3, random);
    const Hypothesis expected = align({values.data(), n_frames, kTokens}, tokens, kBlank);
    TextAligner aligner(tokens, kTokens, kBlank);
    aligner.step({values.data(), n_frames / 2, kTokens});
    aligner.reset();
    for (std::size_t begin = 0; begin < n_frames; begin += 100) {
      const std::size_t n = std::min<std::size_t>(100, n_frames - begin);
      aligner.step({values.data() + begin * kTokens, n, kTokens});
    }
    const Hypothesis found = aligner.best();
    CHECK(found.score == expected.score);
    REQUIRE(found.tokens.size() == expected.tokens.size());
    for (std::size_t i = 0; i < found.tokens.size(); ++i) {
      CHECK(found.tokens[i].id == expected.tokens[i].id);
      CHECK(found.tokens[i].start_frame == expected.tokens[i].start_frame);
      CHECK(found.tokens[i].end_frame == expected.tokens[i].end_frame);
      CHECK(found.tokens[i].log_prob == expected.tokens[i].log_prob);
      CHECK(found.tokens[i].confidence == expected.tokens[i].confidence);
    }
  }
}

TEST_CASE("aligner: what can't be aligned is named") {
  const std::vector<float> values(3 * kTokens, -1.0f);
  TextAligner aligner({0, 0, 1}, kTokens, kBlank);
  aligner.step({values.data(), 3, kTokens});
  CHECK_THROWS_WITH_AS(aligner.best(), doctest::Contains("needs 4 frames"), AlignmentError);
  CHECK_THROWS_AS(aligner.step({values.data(), 3, kTokens - 1}), OptionError);
  std::vector<float> bad = values;
  bad[kTokens + 1] = NAN;
  CHECK_THROWS_WITH_AS(aligner.step({bad.data(), 3, kTokens}), doctest::Contains("frame 4"), ModelError);
  CHECK_THROWS_AS(TextAligner({kBlank}, kTokens, kBlank), OptionError);
  CHECK_THROWS_AS(TextAligner({static_cast<int>(kTokens)}, kTokens, kBlank), OptionError);
}
