#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fastctc/error.h"
#include "fastctc/stream.h"
#include "onnxruntime_library.h"

using namespace fastctc;

namespace {

constexpr int kRateHz = 16000;
constexpr const char* kText = "two nine three four zero";

// 16-bit mono PCM behind the 44 bytes of a plain WAV header.
std::vector<float> recording() {
  std::ifstream file(std::string(FASTCTC_TEST_DATA) + "/speech/two-nine-three-four-zero.wav", std::ios::binary);
  REQUIRE(file.good());
  file.ignore(44);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<float> samples;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const int low = static_cast<unsigned char>(bytes[i]);
    const int high = static_cast<signed char>(bytes[i + 1]);
    samples.push_back(static_cast<float>(high * 256 + low) / 32768.0f);
  }
  return samples;
}

Recognizer demo() { return Recognizer::load(std::string(FASTCTC_MODELS) + "/digits"); }

StreamOptions at(int latency_ms) {
  StreamOptions options;
  options.latency_ms = latency_ms;
  return options;
}

void push(Stream& stream, const std::vector<float>& samples, std::size_t begin, std::size_t end) {
  stream.push({samples.data() + begin, end - begin, kRateHz});
}

void append(std::vector<StreamResult>& all, std::vector<StreamResult> part) {
  std::move(part.begin(), part.end(), std::back_inserter(all));
}

std::vector<StreamResult> run(Stream& stream, const std::vector<float>& samples, std::size_t piece) {
  std::vector<StreamResult> results;
  for (std::size_t begin = 0; begin < samples.size(); begin += piece) {
    push(stream, samples, begin, std::min(samples.size(), begin + piece));
    append(results, stream.take());
  }
  stream.finish();
  append(results, stream.take());
  return results;
}

std::string text(const std::vector<StreamResult>& results) {
  std::string text;
  for (const StreamResult& result : results) {
    if (!result.is_final || result.transcript.text.empty()) continue;
    text += (text.empty() ? "" : " ") + result.transcript.text;
  }
  return text;
}

std::vector<Word> words(const std::vector<StreamResult>& results) {
  std::vector<Word> words;
  for (const StreamResult& result : results) {
    if (!result.is_final) continue;
    words.insert(words.end(), result.transcript.words.begin(), result.transcript.words.end());
  }
  return words;
}

void check_same(const std::vector<Word>& actual, const std::vector<Word>& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CHECK(actual[i].text == expected[i].text);
    CHECK(actual[i].start_s == expected[i].start_s);
    CHECK(actual[i].end_s == expected[i].end_s);
  }
}

void run_out(StreamPool& pool) {
  while (pool.step() > 0) {
  }
}

}  // namespace

TEST_CASE("a stream gives the words and times of the offline result, whatever the pieces") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  const std::vector<float> samples = recording();
  const Transcript offline = recognizer.transcribe({samples.data(), samples.size(), kRateHz});
  CHECK(offline.text == kText);
  for (const std::size_t piece : {std::size_t{37}, std::size_t{1600}, std::size_t{20001}, samples.size()}) {
    Stream stream(recognizer, at(1040));
    const std::vector<StreamResult> results = run(stream, samples, piece);
    CHECK(stream.done());
    CHECK(text(results) == kText);
    check_same(words(results), offline.words);
    CHECK(results.back().is_final);
    CHECK(results.back().cause == EndpointCause::finish);
    CHECK(results.back().end_s == offline.duration_s);
    CHECK(stream.decoded_s() == stream.pushed_s());
  }
}

TEST_CASE("every look-ahead hears the recording; words come earlier with a shorter one") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  const std::vector<float> samples = recording();
  double last_s = 0;
  for (const int latency_ms : recognizer.latencies_ms()) {
    Stream stream(recognizer, at(latency_ms));
    double first_word_s = 0;
    std::vector<StreamResult> results;
    for (std::size_t begin = 0; begin < samples.size(); begin += 160) {
      push(stream, samples, begin, std::min(samples.size(), begin + 160));
      append(results, stream.take());
      if (first_word_s == 0 && !results.empty()) first_word_s = stream.pushed_s();
    }
    stream.finish();
    append(results, stream.take());
    CHECK(text(results) == kText);
    CHECK(first_word_s > 0);
    CHECK(first_word_s >= last_s);
    last_s = first_word_s;
    for (const StreamResult& result : results) CHECK(result.n_stable_words <= result.transcript.words.size());
  }
  CHECK_THROWS_AS(Stream(recognizer, at(7)), OptionError);
}

TEST_CASE("endpoints cut segments, never words, and the texts add up") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  const std::vector<float> samples = recording();
  const Transcript offline = recognizer.transcribe({samples.data(), samples.size(), kRateHz});
  for (const double max_length_s : {0.4, 0.75, 1.3}) {
    StreamOptions options = at(1040);
    options.endpoint.max_length_s = max_length_s;
    Stream stream(recognizer, options);
    const std::vector<StreamResult> results = run(stream, samples, 1000);
    check_same(words(results), offline.words);
    std::size_t segment = 0;
    for (const StreamResult& result : results) {
      CHECK(result.segment == segment);
      CHECK(result.is_final == (result.cause != EndpointCause::none));
      if (result.is_final) ++segment;
    }
    CHECK(segment >= 2);
  }
}

TEST_CASE("a stream refuses what it can't take and goes on") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  const std::vector<float> samples = recording();
  Stream stream(recognizer, at(80));
  push(stream, samples, 0, 3000);
  std::vector<float> broken(samples.begin() + 3000, samples.begin() + 5000);
  broken[11] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH_AS(stream.push({broken.data(), broken.size(), 0}), doctest::Contains("Sample 3011"), AudioError);
  CHECK_THROWS_WITH_AS(stream.push({samples.data(), 10, 8000}), doctest::Contains("16000 Hz"), AudioError);
  CHECK_THROWS_AS(stream.push({nullptr, 10, 0}), AudioError);
  push(stream, samples, 3000, samples.size());
  stream.finish();
  stream.finish();
  CHECK(text(stream.take()) == kText);
  CHECK_THROWS_AS(push(stream, samples, 0, 1), AudioError);
  stream.reset();
  CHECK(text(run(stream, samples, 5000)) == kText);
}

TEST_CASE("a stream outlives its recognizer and its pool") {
  if (!onnxruntime_is_there()) return;
  const std::vector<float> samples = recording();
  auto recognizer = std::make_unique<Recognizer>(demo());
  Stream stream(*recognizer, at(80));
  auto pool = std::make_unique<StreamPool>(*recognizer, at(80));
  Stream orphan = pool->open();
  recognizer.reset();
  push(orphan, samples, 0, samples.size());
  CHECK(pool->step() == 1);
  pool.reset();
  push(orphan, samples, 0, samples.size());
  orphan.finish();
  CHECK(!orphan.done());
  CHECK(text(run(stream, samples, 5000)) == kText);
}

TEST_CASE("a pool gives each stream what it gets alone") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  const std::vector<float> samples = recording();
  Stream alone(recognizer, at(480));
  const std::vector<Word> expected = words(run(alone, samples, samples.size()));
  StreamPool pool(recognizer, at(480), 3);
  CHECK_THROWS_AS(StreamPool(recognizer, at(480), 0), OptionError);
  std::vector<Stream> streams;
  std::vector<std::vector<StreamResult>> results(7);
  for (int i = 0; i < 7; ++i) streams.push_back(pool.open());
  CHECK(pool.n_streams() == 7);
  CHECK(!pool.wait(0.0));
  for (std::size_t begin = 0, round = 0; begin < samples.size(); begin += 4000, ++round) {
    for (std::size_t i = 0; i < streams.size(); ++i) {
      push(streams[i], samples, begin, std::min(samples.size(), begin + 4000));
      append(results[i], streams[i].take());
    }
    if (round % 2 == 1) pool.step();
  }
  for (Stream& stream : streams) stream.finish();
  run_out(pool);
  for (std::size_t i = 0; i < streams.size(); ++i) {
    CHECK(streams[i].done());
    append(results[i], streams[i].take());
    check_same(words(results[i]), expected);
  }
  streams.clear();
  CHECK(pool.n_streams() == 0);
  CHECK(pool.step() == 0);
}

// Under ThreadSanitizer this is the test of the pool's locks.
TEST_CASE("streams are pushed into, reset and dropped while the pool steps") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  const std::vector<float> samples = recording();
  Stream alone(recognizer, at(480));
  const std::vector<Word> expected = words(run(alone, samples, samples.size()));
  StreamPool pool(recognizer, at(480), 4);
  std::atomic<bool> is_over{false};
  std::atomic<int> n_right{0};
  std::thread stepping([&] {
    while (!is_over) {
      if (pool.wait(0.05)) pool.step();
    }
  });
  const auto is_expected = [&](const std::vector<Word>& found) {
    return std::equal(found.begin(), found.end(), expected.begin(), expected.end(),
                      [](const Word& one, const Word& other) {
                        return one.text == other.text && one.start_s == other.start_s && one.end_s == other.end_s;
                      });
  };
  const auto feed = [&](std::size_t piece) {
    for (int number = 0; number < 4; ++number) {
      Stream stream = pool.open();
      std::vector<StreamResult> results;
      for (std::size_t begin = 0; begin < samples.size(); begin += piece) {
        push(stream, samples, begin, std::min(samples.size(), begin + piece));
        append(results, stream.take());
        if (number == 1 && begin > 20000) break;
      }
      if (number == 1) continue;  // dropped, maybe while it runs
      if (number == 2) {
        stream.reset();
        results.clear();
        push(stream, samples, 0, samples.size());
      }
      stream.finish();
      while (!stream.done()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      append(results, stream.take());
      if (is_expected(words(results))) ++n_right;
    }
  };
  std::vector<std::thread> feeding;
  for (const std::size_t piece : {1600, 7001, 19000}) feeding.emplace_back(feed, piece);
  for (std::thread& thread : feeding) thread.join();
  is_over = true;
  stepping.join();
  CHECK(n_right == 9);
  CHECK(pool.n_streams() == 0);
}

TEST_CASE("a second thread in a stream gets an error, not a race") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  std::vector<float> samples;
  for (int i = 0; i < 8; ++i) {
    const std::vector<float> again = recording();
    samples.insert(samples.end(), again.begin(), again.end());
  }
  Stream stream(recognizer, at(0));
  std::atomic<int> n_refused{0};
  const auto push_once = [&] {
    try {
      push(stream, samples, 0, samples.size());
    } catch (const AudioError&) {
      throw;
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find("in use by another thread") != std::string::npos);
      ++n_refused;
    }
  };
  for (int round = 0; round < 20 && n_refused == 0; ++round) {
    std::thread other(push_once);
    push_once();
    other.join();
  }
  CHECK(n_refused > 0);
}

TEST_CASE("silence is skipped where speech is detected") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  const std::vector<float> speech = recording();
  std::vector<float> samples;
  std::uint32_t seed = 1;
  const auto add_noise = [&](double duration_s) {
    for (int i = 0; i < static_cast<int>(duration_s * kRateHz); ++i) {
      seed = seed * 1664525u + 1013904223u;
      samples.push_back((static_cast<float>(seed >> 8) / 16777216.0f - 0.5f) * 2e-4f);
    }
  };
  for (int i = 0; i < 2; ++i) {
    add_noise(3.0);
    samples.insert(samples.end(), speech.begin(), speech.end());
  }
  add_noise(3.0);
  StreamOptions options = at(80);
  options.vad.kind = VadKind::energy;
  std::vector<Word> expected;
  for (const std::size_t piece : {samples.size(), std::size_t{333}, std::size_t{16000}}) {
    Stream stream(recognizer, options);
    const std::vector<StreamResult> results = run(stream, samples, piece);
    CHECK(text(results) == std::string(kText) + " " + kText);
    CHECK(stream.done());
    CHECK(results.back().cause == EndpointCause::finish);
    for (const StreamResult& result : results) {
      if (result.cause == EndpointCause::finish) continue;
      REQUIRE(result.transcript.speech.size() == 1);
      CHECK(result.transcript.speech[0].start_s == result.start_s);
      CHECK(result.transcript.speech[0].end_s == result.end_s);
    }
    if (expected.empty()) expected = words(results);
    check_same(words(results), expected);
    const double second_s = 6.0 + static_cast<double>(speech.size()) / kRateHz;
    CHECK(expected[5].start_s > second_s);
    CHECK(expected[5].start_s < second_s + 2);
  }
}
