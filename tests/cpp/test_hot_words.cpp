// What Python can't see: hot words that many threads share, and those of byte pieces made at the same time.
#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "fastctc/error.h"
#include "fastctc/hot_words.h"

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
