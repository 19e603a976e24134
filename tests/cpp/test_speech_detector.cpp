#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fastctc/audio.h"
#include "fastctc/error.h"
#include "fastctc/speech_detector.h"
#include "onnxruntime_library.h"
#include "vad/energy.h"
#include "vad/segmenter.h"
#include "vad/silero.h"

using namespace fastctc;

namespace {

constexpr double pi = 3.14159265358979323846;
const std::string kSilero = FASTCTC_TEST_DATA "/silero/";

VadOptions energy() {
  VadOptions options;
  options.kind = VadKind::energy;
  return options;
}

VadOptions silero(const std::string& file) {
  VadOptions options;
  options.kind = VadKind::silero;
  options.model = kSilero + file;
  options.threshold = 0.4;
  return options;
}

std::vector<float> noise(double duration_s, int rate_hz, double level_db, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::vector<float> samples(static_cast<std::size_t>(std::lround(duration_s * rate_hz)));
  const double scale = std::pow(10, level_db / 20) * std::sqrt(3.0);
  for (float& sample : samples) sample = static_cast<float>(scale * (double(random()) / 2147483648.0 - 1));
  return samples;
}

// Noise of -60 dB, with syllables of 180 ms every 240 ms, of -20 dB, between the two times.
std::vector<float> speech(double duration_s, int rate_hz, double start_s, double end_s) {
  std::vector<float> samples = noise(duration_s, rate_hz, -60);
  const std::vector<float> loud = noise(duration_s, rate_hz, -20, 2);
  const auto end = static_cast<std::size_t>(std::lround(end_s * rate_hz));
  for (auto i = static_cast<std::size_t>(std::lround(start_s * rate_hz)); i < end; ++i) {
    if (std::fmod(double(i) / rate_hz - start_s, 0.24) < 0.18) samples[i] += loud[i];
  }
  return samples;
}

AudioView view(const std::vector<float>& samples, int rate_hz) {
  AudioView audio;
  audio.samples = samples.data();
  audio.n_samples = samples.size();
  audio.sample_rate_hz = rate_hz;
  return audio;
}

void check_equal(const std::vector<SpeechSegment>& actual, const std::vector<SpeechSegment>& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CHECK(actual[i].start_s == expected[i].start_s);
    CHECK(actual[i].end_s == expected[i].end_s);
  }
}

// Pieces of random length, empty ones among them; what is decided may not change later.
std::vector<SpeechSegment> in_pieces(SpeechDetector& detector, const std::vector<float>& samples, std::size_t longest,
                                     unsigned seed) {
  std::mt19937 random(seed);
  std::vector<SpeechSegment> segments;
  double decided_s = 0;
  for (std::size_t done = 0; done < samples.size();) {
    const std::size_t n = std::min<std::size_t>(random() % (longest + 1), samples.size() - done);
    detector.push(samples.data() + done, n);
    done += n;
    for (const SpeechSegment& segment : detector.take()) {
      CHECK(segment.end_s <= detector.decided_s());
      segments.push_back(segment);
    }
    CHECK(detector.decided_s() >= decided_s);
    decided_s = detector.decided_s();
    if (detector.in_speech()) CHECK(detector.open_start_s() <= decided_s);
  }
  detector.finish();
  for (const SpeechSegment& segment : detector.take()) segments.push_back(segment);
  return segments;
}

// Frames of 10 samples at 1000 Hz: one score per character, '#' speech, '-' between, '.' none.
std::vector<SpeechSegment> segments_of(const std::string& scores, const VadOptions& options) {
  Segmenter segmenter(options, 1000, 0.5, 0.3);
  std::uint64_t end = 0;
  for (const char c : scores) segmenter.push({c == '#' ? 1.0 : c == '-' ? 0.4 : 0.0, end += 10});
  segmenter.finish(end);
  return segmenter.take();
}

VadOptions segmentation(double min_speech_s, double min_silence_s, double padding_s) {
  VadOptions options;
  options.min_speech_s = min_speech_s;
  options.min_silence_s = min_silence_s;
  options.padding_s = padding_s;
  return options;
}

}  // namespace

TEST_CASE("Segmenter: opens, pauses, closes") {
  const VadOptions options = segmentation(0.03, 0.05, 0);
  check_equal(segments_of("", options), {});
  check_equal(segments_of(".....", options), {});
  check_equal(segments_of("..###.....", options), {{0.02, 0.05}});
  check_equal(segments_of("..##......", options), {});                     // shorter than min_speech_s
  check_equal(segments_of("..###....###.....", options), {{0.02, 0.12}});  // a pause shorter than min_silence_s
  check_equal(segments_of("..###.....###", options), {{0.02, 0.05}, {0.1, 0.13}});
  check_equal(segments_of("..#-#-....-", options), {{0.02, 0.06}});  // between: as before
  check_equal(segments_of("--#---", options), {{0.02, 0.06}});       // but it opens nothing
  check_equal(segments_of("###.------###", options), {{0, 0.13}});   // between does not close
  check_equal(segments_of("###..", options), {{0, 0.03}});           // the end closes
}

TEST_CASE("Segmenter: padding") {
  const VadOptions options = segmentation(0, 0.02, 0.03);
  check_equal(segments_of("....##.....#", options), {{0.01, 0.12}});  // paddings would meet
  check_equal(segments_of("....##......#.", options), {{0.01, 0.09}, {0.09, 0.14}});
  check_equal(segments_of("##.", options), {{0, 0.03}});
}

TEST_CASE("Segmenter: what is decided") {
  Segmenter segmenter(segmentation(0.03, 0.05, 0.02), 1000, 0.5, 0.3);
  std::uint64_t end = 0;
  const auto push = [&](double score) { segmenter.push({score, end += 10}); };
  CHECK(segmenter.decided_s(0) == 0);
  for (int i = 0; i < 10; ++i) push(0);
  CHECK(segmenter.decided_s(100) == 0.08);  // speech may come now, and its padding reaches back
  push(1);
  push(1);
  CHECK_FALSE(segmenter.in_speech());  // too short so far
  CHECK(segmenter.decided_s(120) == 0.08);
  push(1);
  CHECK(segmenter.in_speech());
  CHECK(segmenter.open_start_s() == 0.08);
  CHECK(segmenter.decided_s(130) == 0.13);  // audio ends there
  CHECK(segmenter.decided_s(145) == 0.145);
  for (int i = 0; i < 4; ++i) push(0);
  CHECK(segmenter.decided_s(170) == 0.15);  // it may end there, or go on
  push(0);
  CHECK_FALSE(segmenter.in_speech());
  CHECK(segmenter.decided_s(180) == 0.16);
  check_equal(segmenter.take(), {{0.08, 0.15}});
  segmenter.finish(185);
  CHECK(segmenter.decided_s(185) == 0.185);
}

TEST_CASE("HighPass: second-order Butterworth at its cutoff") {
  for (const int rate_hz : {8000, 16000, 48000}) {
    for (const double frequency_hz : {50.0, 200.0, 1000.0}) {
      HighPass filter(200, rate_hz);
      double sum = 0;
      for (int i = 0; i < 2 * rate_hz; ++i) {
        const double output = filter(std::sin(2 * pi * frequency_hz * i / rate_hz));
        if (i >= rate_hz) sum += output * output;
      }
      // The bilinear transform warps frequencies.
      const double ratio = std::tan(pi * 200 / rate_hz) / std::tan(pi * frequency_hz / rate_hz);
      CHECK(2 * sum / rate_hz == doctest::Approx(1 / (1 + std::pow(ratio, 4))).epsilon(1e-6));
    }
  }
}

TEST_CASE("RunningPercentile: equals sorting") {
  std::mt19937 random(3);
  RunningPercentile percentile(10, 50);
  for (int round = 0; round < 2; ++round) {
    std::vector<double> values;
    for (int i = 0; i < 300; ++i) {
      values.push_back(double(random() % 40));  // equal ones among them
      percentile.push(values.back());
      std::vector<double> last(values.end() - std::min<std::ptrdiff_t>(i + 1, 50), values.end());
      std::sort(last.begin(), last.end());
      CHECK(percentile.value() == last[(last.size() - 1) / 10]);
    }
    percentile.reset();
  }
}

TEST_CASE("SpeechDetector: energy finds speech and nothing else") {
  for (const int rate_hz : {8000, 11025, 16000, 44100}) {
    const auto segments = detect_speech(view(speech(6, rate_hz, 2, 4), rate_hz), energy());
    REQUIRE(segments.size() == 1);
    CHECK(std::abs(segments[0].start_s - 1.8) < 0.03);
    CHECK(std::abs(segments[0].end_s - 4.2) < 0.09);  // the last syllable may end before
    for (const double level_db : {-70.0, -30.0, -5.0}) {
      CHECK(detect_speech(view(noise(3, rate_hz, level_db), rate_hz), energy()).empty());
    }
  }
}

TEST_CASE("SpeechDetector: any split gives the same segments") {
  std::vector<float> samples = speech(4, 16000, 0, 1.5);
  const std::vector<float> more = speech(3.3, 16000, 1, 2);
  samples.insert(samples.end(), more.begin(), more.end());
  const auto expected = detect_speech(view(samples, 16000), energy());
  REQUIRE(expected.size() == 2);
  SpeechDetector detector(energy(), 16000);
  for (const std::size_t longest : {std::size_t(1), std::size_t(37), std::size_t(160), std::size_t(9000)}) {
    check_equal(in_pieces(detector, samples, longest, 5), expected);
    detector.reset();
  }
}

TEST_CASE("SpeechDetector: no samples") {
  CHECK(detect_speech(view({}, 16000), energy()).empty());
  SpeechDetector detector(energy(), 16000);
  detector.push(nullptr, 0);
  detector.finish();
  CHECK(detector.decided_s() == 0);
  CHECK(detector.take().empty());
}

TEST_CASE("SpeechDetector: bad audio takes nothing") {
  const std::vector<float> samples = speech(3, 16000, 1, 2);
  SpeechDetector detector(energy(), 16000);
  detector.push(samples.data(), 20000);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::vector<float> damaged = {0.5f, bad};
    CHECK_THROWS_AS(detector.push(damaged.data(), 2), AudioError);
  }
  CHECK_THROWS_AS(detector.push(nullptr, 1), AudioError);
  detector.push(samples.data() + 20000, samples.size() - 20000);
  detector.finish();
  CHECK_THROWS_AS(detector.push(samples.data(), 1), AudioError);
  check_equal(detector.take(), detect_speech(view(samples, 16000), energy()));
}

TEST_CASE("SpeechDetector: a recording at another rate is resampled, whatever the split") {
  const std::vector<float> samples = speech(3, 44100, 1, 2);
  const std::vector<float> resampled = resample(view(samples, 44100), 16000);
  const std::vector<SpeechSegment> expected = detect_speech(view(resampled, 16000), energy());
  REQUIRE(!expected.empty());
  SpeechDetector detector(energy(), 16000);
  for (const std::size_t piece : {samples.size(), std::size_t(777)}) {
    for (std::size_t first = 0; first < samples.size(); first += piece) {
      detector.push({samples.data() + first, std::min(piece, samples.size() - first), first == 0 ? 44100 : 0});
    }
    CHECK_THROWS_WITH_AS(detector.push(view(samples, 16000)), doctest::Contains("44100 Hz"), AudioError);
    detector.finish();
    check_equal(detector.take(), expected);
    detector.reset();
  }
  detector.push(view(resampled, 16000));  // another recording, another rate
  detector.finish();
  check_equal(detector.take(), expected);
}

TEST_CASE("SpeechDetector: options out of range") {
  const auto check_refused = [](const VadOptions& options, int rate_hz) {
    CHECK_THROWS_AS(SpeechDetector(options, rate_hz), OptionError);
  };
  check_refused(VadOptions(), 16000);
  for (const int rate_hz : {-1, 0, 7999, 768001}) check_refused(energy(), rate_hz);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (double VadOptions::* const field :
       {&VadOptions::threshold, &VadOptions::min_level_db, &VadOptions::snr_db, &VadOptions::min_speech_s,
        &VadOptions::min_silence_s, &VadOptions::padding_s}) {
    for (const double wrong : {nan, 1e9, -1e9}) {
      VadOptions options = energy();
      options.*field = wrong;
      check_refused(options, 16000);
    }
  }
  VadOptions options = energy();
  options.kind = static_cast<VadKind>(7);
  check_refused(options, 16000);
  options = energy();
  options.model = "a.onnx";
  check_refused(options, 16000);
  options.kind = VadKind::silero;
  options.model = "";
  check_refused(options, 16000);
}

TEST_CASE("SpeechDetector: Silero's graphs, versions 4 and 5") {
  if (!onnxruntime_is_there()) return;
  for (const char* file : {"v4.onnx", "v5.onnx"}) {
    for (const int rate_hz : {8000, 16000}) {
      CAPTURE(file);
      CAPTURE(rate_hz);
      const std::vector<float> samples = speech(6.01, rate_hz, 2, 4);
      const auto segments = detect_speech(view(samples, rate_hz), silero(file));
      REQUIRE(segments.size() == 1);
      CHECK(std::abs(segments[0].start_s - 1.8) < 0.1);
      CHECK(std::abs(segments[0].end_s - 4.2) < 0.2);
      SpeechDetector detector(silero(file), rate_hz);
      check_equal(in_pieces(detector, samples, 1500, 6), segments);
      detector.reset();
      check_equal(in_pieces(detector, samples, 40, 7), segments);
    }
  }
}

TEST_CASE("SpeechDetector: detectors that share a graph, on several threads") {
  if (!onnxruntime_is_there()) return;
  const std::vector<float> samples = speech(3, 16000, 1, 2);
  const auto expected = detect_speech(view(samples, 16000), silero("v5.onnx"));
  REQUIRE(expected.size() == 1);
  const SpeechDetector first(silero("v5.onnx"), 16000);
  std::vector<std::vector<SpeechSegment>> found(4);
  std::vector<std::thread> threads;
  for (auto& segments : found) {
    threads.emplace_back([&first, &segments, &samples] {
      SpeechDetector detector = first.another();
      for (std::size_t i = 0; i < samples.size(); i += 1000) detector.push(samples.data() + i, 1000);
      detector.finish();
      segments = detector.take();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& segments : found) check_equal(segments, expected);
}

TEST_CASE("SpeechDetector: another one begins anew") {
  const std::vector<float> samples = speech(3, 16000, 1, 2);
  SpeechDetector detector(energy(), 16000);
  detector.push(samples.data(), 25000);
  SpeechDetector other = detector.another();
  check_equal(in_pieces(other, samples, 700, 8), detect_speech(view(samples, 16000), energy()));
}

TEST_CASE("SpeechDetector: graphs and rates that are not Silero's") {
  if (!onnxruntime_is_there()) return;
  CHECK_THROWS_AS(SpeechDetector(silero("../tiny/offline.onnx"), 16000), ModelError);
  CHECK_THROWS_AS(SpeechDetector(silero("missing.onnx"), 16000), ModelNotFoundError);
  CHECK_THROWS_AS(SpeechDetector(silero("v5.onnx"), 44100), OptionError);
}
