// What Python can't see: lines across the blocks of a file, numbers, and a model that many threads share.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/byte_source.h"
#include "base/text_lines.h"
#include "decoding/ngram_words.h"
#include "fastctc/error.h"
#include "fastctc/language_model.h"

namespace {

using fastctc::LanguageModel;

const std::string kLetters = std::string(FASTCTC_TEST_DATA) + "/lm/letters.arpa";

// Gives its bytes a few at a time.
class Trickle : public fastctc::ByteSource {
 public:
  Trickle(std::string bytes, std::size_t step) : bytes_(std::move(bytes)), step_(step) {}
  std::size_t read(char* bytes, std::size_t n) override {
    const std::size_t n_read = std::min({n, step_, bytes_.size() - position_});
    std::copy_n(bytes_.data() + position_, n_read, bytes);
    position_ += n_read;
    return n_read;
  }

 private:
  std::string bytes_;
  std::size_t step_;
  std::size_t position_ = 0;
};

std::vector<std::string> lines_of(const std::string& bytes, std::size_t step) {
  fastctc::TextLines lines(std::make_unique<Trickle>(bytes, step), "The file");
  std::vector<std::string> found;
  std::string_view line;
  while (lines.next(&line)) found.emplace_back(line);
  CHECK(lines.number() == found.size());
  return found;
}

}  // namespace

TEST_CASE("lines are the same however the bytes come") {
  const std::string large(600000, 'x');  // longer than a block
  const std::vector<std::string> expected = {"a", "", large, "b\r", "\xC3\xA9"};
  const std::string bytes = "a\n\r\n" + large + "\r\nb\r\r\n\xC3\xA9";
  for (const std::size_t step : {std::size_t{4}, std::size_t{1000}, bytes.size()}) {
    CHECK(lines_of(bytes, step) == expected);
    CHECK(lines_of(bytes + "\n", step) == expected);
  }
  CHECK(lines_of("", 5).empty());
  CHECK(lines_of("\n", 5) == std::vector<std::string>{""});
  CHECK_THROWS_AS(lines_of(std::string(3000000, 'x'), 1 << 20), fastctc::ModelError);
}

TEST_CASE("a word table keeps its words while it grows") {
  fastctc::WordTable table;
  for (std::uint32_t id = 0; id < 5000; ++id) {
    REQUIRE(table.insert("w" + std::to_string(id)) == id);
    REQUIRE(table.insert("w" + std::to_string(id / 2)) == id / 2);
  }
  CHECK(table.size() == 5000);
  for (std::uint32_t id = 0; id < 5000; ++id)
    CHECK(table.view().word(table.find("w" + std::to_string(id))) == "w" + std::to_string(id));
  CHECK(table.find("w5000") == fastctc::kEmptySlot);
}

TEST_CASE("threads share a model") {
  const auto model = LanguageModel::read(kLetters);
  const auto score_all = [&]() {
    double sum = 0;
    LanguageModel::State state = model->start();
    for (std::uint32_t step = 0; step < 10000; ++step) {
      sum += static_cast<double>(model->score(state, step * 7 % 10, &state));
    }
    return sum + static_cast<double>(model->score_end(state));
  };
  std::vector<double> sums(4);
  std::vector<std::thread> threads;
  for (double& sum : sums) threads.emplace_back([&]() { sum = score_all(); });
  for (std::thread& thread : threads) thread.join();
  for (const double sum : sums) CHECK(sum == score_all());
  CHECK(sums[0] < -10000);
}
