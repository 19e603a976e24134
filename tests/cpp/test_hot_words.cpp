// What Python can't see: hot words that many threads share, those of byte pieces made at the same time, and text that
// is not UTF-8.
#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "fastctc/error.h"
#include "fastctc/hot_words.h"
#include "fastctc/lexicon.h"

TEST_CASE("threads make and share hot words") {
  const fastctc::Vocabulary vocabulary(
      {"\xE2\x96\x81"
       "ab",
       "a", "b", "<0xC3>", "<0xA9>", "<0x20>", "<blk>"});
  std::vector<double> sums(4);
  std::vector<std::thread> threads;
  for (double& sum : sums) {
    threads.emplace_back([&]() {
      const fastctc::HotWords hot_words(vocabulary, {{"ab \xC3\xA9", 2.0}, {"AB", 1.0}});
      fastctc::HotWords::State state = hot_words.start();
      for (const int token : {0, 5, 3, 4, 5, 1, 2, 0}) {
        double delta = 0;
        state = hot_words.step(state, token, &delta);
        sum += delta;
      }
      sum += hot_words.finish(state);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const double sum : sums) CHECK(sum == 2.0 + 3 * 1.0);
}

TEST_CASE("hot words name what they refuse") {
  const fastctc::Vocabulary vocabulary({"a", "<blk>"});
  CHECK_THROWS_WITH_AS(fastctc::HotWords(vocabulary, {{"ax", 1.0}}),
                       "The model's vocabulary can't spell these hot phrases: 'ax' (no piece has 'x').",
                       fastctc::OptionError);
  CHECK_THROWS_WITH_AS(fastctc::HotWords(vocabulary, {{"a", 1.0}, {"\xFF", 1.0}}), "Hot phrase 2 is not UTF-8.",
                       fastctc::OptionError);
}

TEST_CASE("hot words of a lexicon are its words") {
  const fastctc::Vocabulary vocabulary({"w", "\xCA\x8C", "n", "t", "u", "<wb>", "<blk>"});
  const std::vector<fastctc::LexiconEntry> entries = {
      {"one", {0, 1, 2, 5}}, {"won", {0, 1, 2, 5}}, {"two", {3, 4, 5}}, {"two", {3, 4, 4, 5}}};
  const fastctc::Lexicon lexicon(entries, vocabulary.size());
  const fastctc::HotWords hot_words(vocabulary, {{"one Two", 2.0}, {"won", 0.5}, {"one", 0.25}}, true, &lexicon);
  CHECK(hot_words.n_phrases() == 3);
  const auto total = [&](const std::vector<int>& tokens) {
    double sum = 0;
    fastctc::HotWords::State state = hot_words.start();
    for (const int token : tokens) {
      double delta = 0;
      state = hot_words.step(state, token, &delta);
      sum += delta;
    }
    return sum + hot_words.finish(state);
  };
  CHECK(total({0, 1, 2, 5}) == 0.5);  // of homophones the larger bonus
  CHECK(total({0, 1, 2, 5, 3, 4, 5}) == 2.5);
  CHECK(total({0, 6, 1, 2, 5, 3, 4, 4, 5, 0, 1, 2}) == 3.0);
  CHECK(total({0, 1, 2, 3, 4, 5}) == 0);

  CHECK_THROWS_WITH_AS(
      fastctc::HotWords(vocabulary, {{"one three", 1.0}, {"w", 1.0}, {"three", 1.0}}, true, &lexicon),
      "The lexicon doesn't have these words of hot phrases: 'three', 'w'. Add them, or leave them out.",
      fastctc::OptionError);
  CHECK_THROWS_AS(fastctc::HotWords(vocabulary, {{"One", 1.0}}, false, &lexicon), fastctc::OptionError);
  CHECK_THROWS_WITH_AS(fastctc::HotWords(vocabulary, {{"one", 1.0}, {"\xFF", 1.0}}, true, &lexicon),
                       "Hot phrase 2 is not UTF-8.", fastctc::OptionError);
  const fastctc::Lexicon open(entries, vocabulary.size(), fastctc::OutOfLexicon::allow);
  CHECK_NOTHROW(fastctc::HotWords(vocabulary, {{"nut", 1.0}}, true, &open));  // in characters
}
