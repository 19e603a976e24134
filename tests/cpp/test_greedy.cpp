#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "fastctc/decoder.h"
#include "fastctc/error.h"

using namespace fastctc;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Log-probs in which token ids[t] has probability p[t] and the others share the rest.
std::vector<float> frames(const std::vector<int>& ids, const std::vector<double>& p, std::size_t n_tokens) {
  std::vector<float> values;
  for (std::size_t frame = 0; frame < ids.size(); ++frame) {
    for (std::size_t token = 0; token < n_tokens; ++token) {
      const bool hit = static_cast<int>(token) == ids[frame];
      values.push_back(static_cast<float>(std::log(hit ? p[frame] : (1 - p[frame]) / double(n_tokens - 1))));
    }
  }
  return values;
}

bool equal(const Hypothesis& a, const Hypothesis& b) {
  if (a.tokens.size() != b.tokens.size() || a.score != b.score) return false;
  for (std::size_t index = 0; index < a.tokens.size(); ++index) {
    const AlignedToken& x = a.tokens[index];
    const AlignedToken& y = b.tokens[index];
    if (x.id != y.id || x.start_frame != y.start_frame || x.end_frame != y.end_frame || x.log_prob != y.log_prob ||
        x.confidence != y.confidence) {
      return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("greedy: repeats merge, blanks separate, figures by their definitions") {
  const std::vector<float> values = frames({3, 1, 1, 3, 1, 0, 3}, {0.9, 0.6, 0.8, 0.9, 0.7, 0.5, 0.9}, 4);
  GreedyDecoder decoder(4, 3);
  const Hypothesis result = decoder.decode({values.data(), 7, 4});
  REQUIRE(result.tokens.size() == 3);
  CHECK(result.tokens[0].id == 1);
  CHECK(result.tokens[0].start_frame == 1);
  CHECK(result.tokens[0].end_frame == 3);
  CHECK(result.tokens[0].log_prob == doctest::Approx(std::log(0.8) + std::log(0.6)));
  CHECK(result.tokens[0].confidence == doctest::Approx((0.6 * 4 - 1) / 3));
  CHECK(result.tokens[1].id == 1);
  CHECK(result.tokens[1].start_frame == 4);
  CHECK(result.tokens[1].log_prob == doctest::Approx(std::log(0.7)));
  CHECK(result.tokens[2].id == 0);
  CHECK(result.tokens[2].end_frame == 6);
  CHECK(result.score == doctest::Approx(std::log(0.9 * 0.8 * 0.6 * 0.9 * 0.7 * 0.5 * 0.9)));
}

TEST_CASE("greedy: every split gives the one-shot result") {
  std::vector<int> ids;
  std::vector<double> p;
  unsigned state = 7;
  for (int frame = 0; frame < 60; ++frame) {
    state = state * 1664525u + 1013904223u;
    ids.push_back(int((state >> 24) % 4));
    p.push_back(0.3 + double((state >> 16) % 64) / 100);
  }
  const std::vector<float> values = frames(ids, p, 71);
  GreedyDecoder decoder(71, 3);
  const Hypothesis whole = decoder.decode({values.data(), 60, 71});
  CHECK(whole.tokens.size() > 20);
  for (std::size_t split = 0; split <= 60; ++split) {
    decoder.reset();
    decoder.step({values.data(), split, 71});
    decoder.step({values.data() + split * 71, 60 - split, 71});
    CHECK(equal(decoder.best(), whole));
  }
}

TEST_CASE("greedy: first of equals, at every width") {
  for (std::size_t n_tokens = 2; n_tokens < 100; ++n_tokens) {
    GreedyDecoder decoder(n_tokens, 0);
    for (std::size_t first = 1; first < n_tokens; ++first) {
      std::vector<float> values(n_tokens, -5.0f);
      for (std::size_t token = first; token < n_tokens; token += 3) values[token] = -1.0f;
      const Hypothesis result = decoder.decode({values.data(), 1, n_tokens});
      REQUIRE(result.tokens.size() == 1);
      CHECK(result.tokens[0].id == int(first));
    }
  }
}

TEST_CASE("greedy: log of zero is a log-prob, NaN and +infinity are not") {
  constexpr std::size_t n = 70;  // two blocks of the argmax and a remainder
  GreedyDecoder decoder(n, 0);
  std::vector<float> values(3 * n, -kInfinity);
  CHECK(decoder.decode({values.data(), 3, n}).tokens.empty());  // first of equals: the blank
  CHECK(decoder.best().score == -double(kInfinity));
  for (const float bad : {std::nanf(""), kInfinity}) {
    for (const std::size_t token : {std::size_t{0}, std::size_t{31}, std::size_t{32}, n - 1}) {
      std::vector<float> broken(3 * n, -1.0f);
      broken[2 * n + token] = bad;
      CHECK_THROWS_WITH_AS(decoder.decode({broken.data(), 3, n}), doctest::Contains("frame 2 "), ModelError);
      decoder.reset();
      decoder.step({broken.data(), 2, n});
      CHECK_THROWS_WITH_AS(decoder.step({broken.data() + 2 * n, 1, n}), doctest::Contains("frame 2 "), ModelError);
    }
  }
}

TEST_CASE("greedy: wrong shapes") {
  CHECK_THROWS_AS(GreedyDecoder(4, 4), OptionError);
  CHECK_THROWS_AS(GreedyDecoder(4, -1), OptionError);
  CHECK_THROWS_AS(GreedyDecoder(0, 0), OptionError);
  GreedyDecoder decoder(4, 0);
  const std::vector<float> values(12, -1.0f);
  CHECK_THROWS_WITH_AS(decoder.decode({values.data(), 4, 3}), doctest::Contains("4 tokens per frame, not 3"),
                       OptionError);
  CHECK_THROWS_AS(decoder.decode({nullptr, 4, 4}), OptionError);
  CHECK(decoder.decode({nullptr, 0, 0}).tokens.empty());
  GreedyDecoder blank_only(1, 0);
  CHECK(blank_only.decode({values.data(), 12, 1}).tokens.empty());
}
