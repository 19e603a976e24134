#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "fastctc/acoustic_model.h"
#include "fastctc/audio.h"
#include "fastctc/error.h"
#include "fastctc/frontend.h"
#include "fastctc/long_form.h"
#include "fastctc/recognizer.h"
#include "longform/join.h"
#include "longform/log_probs_source.h"
#include "longform/window_plan.h"
#include "onnxruntime_library.h"

using namespace fastctc;

namespace {

constexpr float kLogProbs = 1e-4f;  // tests/tolerances.py: LOG_PROBS_BATCH

// 16-bit mono PCM behind the 44 bytes of a plain WAV header.
std::vector<float> recording(const char* name) {
  std::ifstream stream(std::string(FASTCTC_TEST_DATA) + "/speech/" + name, std::ios::binary);
  REQUIRE(stream.good());
  stream.ignore(44);
  const std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  std::vector<float> samples;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const auto low = static_cast<unsigned char>(bytes[i]);
    const auto high = static_cast<signed char>(bytes[i + 1]);
    samples.push_back(static_cast<float>(high * 256 + low) / 32768.0f);
  }
  return samples;
}

// Two sentences in turn, half a second of quiet between them.
std::vector<float> tiled(std::size_t n_sentences) {
  const std::vector<float> a = recording("two-nine-three-four-zero.wav"), b = recording("five-five.wav");
  std::vector<float> samples;
  for (std::size_t i = 0; i < n_sentences; ++i) {
    const std::vector<float>& sentence = i % 2 == 0 ? a : b;
    samples.insert(samples.end(), sentence.begin(), sentence.end());
    samples.resize(samples.size() + 8000);
  }
  return samples;
}

AudioView view(const std::vector<float>& samples, int rate_hz = 16000) {
  return {samples.data(), samples.size(), rate_hz};
}

Recognizer demo(const std::string& graph = "") {
  ModelOptions options;
  options.graph = graph;
  return Recognizer::load(std::string(FASTCTC_MODELS) + "/digits", options);
}

Transcript in_pieces(const Recognizer& recognizer, AudioView audio, std::size_t piece,
                     const LongFormOptions& options = LongFormOptions()) {
  LongForm long_form(recognizer, options);
  double done_s = 0;
  for (std::size_t first = 0; first < audio.n_samples; first += piece) {
    long_form.push({audio.samples + first, std::min(piece, audio.n_samples - first), audio.sample_rate_hz});
    CHECK(long_form.done_s() >= done_s);
    done_s = long_form.done_s();
    CHECK(done_s <= static_cast<double>(first + piece) / audio.sample_rate_hz);
  }
  Transcript transcript = long_form.finish();
  CHECK(long_form.done_s() == transcript.duration_s);
  return transcript;
}

void check_same(const Transcript& one, const Transcript& other) {
  CHECK(one.text == other.text);
  CHECK(one.duration_s == other.duration_s);
  REQUIRE(one.words.size() == other.words.size());
  for (std::size_t i = 0; i < one.words.size(); ++i) {
    CHECK(one.words[i].start_s == other.words[i].start_s);
    CHECK(one.words[i].end_s == other.words[i].end_s);
  }
}

// Log-probs of a source, whatever of them is ready after each piece.
LogProbs run(longform::Source& source, const std::vector<float>& samples, std::size_t piece) {
  LogProbs all;
  const auto take = [&] {
    const LogProbs taken = source.take();
    REQUIRE(taken.values.size() == taken.n_frames * taken.n_tokens);
    all.values.insert(all.values.end(), taken.values.begin(), taken.values.end());
    all.n_frames += taken.n_frames;
    if (taken.n_frames > 0) all.n_tokens = taken.n_tokens;
  };
  for (std::size_t first = 0; first < samples.size(); first += piece) {
    source.push(samples.data() + first, std::min(piece, samples.size() - first));
    take();
  }
  source.finish();
  take();
  return all;
}

// The definition, frame by frame.
std::size_t slow_join(const std::vector<float>& a, const std::vector<float>& b, std::size_t n_tokens,
                      std::size_t blank) {
  const std::size_t n_frames = a.size() / n_tokens;
  const auto is_blank = [&](const std::vector<float>& values, std::size_t frame) {
    for (std::size_t token = 0; token < n_tokens; ++token) {
      const float value = values[frame * n_tokens + token], blank_value = values[frame * n_tokens + blank];
      if (value > blank_value || (value == blank_value && token < blank)) return false;
    }
    return true;
  };
  std::size_t best = n_frames, longest = 0;
  for (std::size_t start = 0; start < n_frames; ++start) {
    for (std::size_t end = start + 1; end <= n_frames; ++end) {
      bool blank_run = true;
      for (std::size_t frame = start; frame < end; ++frame)
        blank_run = blank_run && is_blank(a, frame) && is_blank(b, frame);
      const std::size_t middle = (start + end) / 2;
      const auto distance = [&](std::size_t frame) {
        return std::fabs(static_cast<double>(frame) - static_cast<double>(n_frames) / 2);
      };
      if (!blank_run || end - start < longest) continue;
      if (end - start > longest || distance(middle) < distance(best)) best = middle;
      longest = end - start;
    }
  }
  if (longest > 0) return best;
  float highest = -std::numeric_limits<float>::infinity();
  for (std::size_t frame = 0; frame < n_frames; ++frame) {
    const float sum = a[frame * n_tokens + blank] + b[frame * n_tokens + blank];
    if (sum > highest) {
      highest = sum;
      best = frame;
    }
  }
  return best;
}

}  // namespace

TEST_CASE("windows are joined where the definition says") {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    const std::size_t n_tokens = 2 + random() % 4, n_frames = 1 + random() % 20, blank = random() % n_tokens;
    const bool is_sparse = round % 3 == 0;
    std::vector<float> a(n_frames * n_tokens), b(n_frames * n_tokens);
    for (std::vector<float>* values : {&a, &b}) {
      for (std::size_t i = 0; i < values->size(); ++i) {
        // Few values, so that there are ties; the blank is the largest more often than not.
        (*values)[i] = -static_cast<float>(random() % 5) - (i % n_tokens != blank && !is_sparse ? 2.0f : 0.0f);
      }
    }
    CHECK(longform::find_join(a.data(), b.data(), n_frames, n_tokens, blank) == slow_join(a, b, n_tokens, blank));
  }
}

TEST_CASE("steps give the log-probs of one run, from a second to the end of the position table") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  const std::vector<float> samples = tiled(60);
  for (const double seconds : {0.0, 0.005, 0.5, 1.0, 8.93, 9.0, 20.0, 79.8}) {
    const std::vector<float> part(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(seconds * 16000));
    const LogProbs whole = recognizer.log_probs(recognizer.features(view(part)));
    const auto source = longform::make_steps(recognizer.frontend(), *recognizer.long_form_model(), "steps");
    const LogProbs steps = run(*source, part, 7919);
    REQUIRE(steps.n_frames == whole.n_frames);
    float worst = 0;
    for (std::size_t i = 0; i < whole.values.size(); ++i) {
      worst = std::max(worst, std::fabs(whole.values[i] - steps.values[i]));
    }
    CHECK(worst <= kLogProbs);
  }
}

TEST_CASE("windows give as many frames as one run, for any length and split") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo("offline.onnx");
  const std::vector<float> samples = tiled(30);
  LongFormOptions options;
  options.window_s = 12;
  options.overlap_s = 4;
  const longform::WindowPlan plan = longform::plan_windows(recognizer.frontend(), recognizer.acoustic_model(), options);
  CHECK(plan.window == 12 * 16000);
  CHECK(plan.shift % (112 * 160) == 0);
  CHECK(plan.window - plan.shift >= 4 * 16000);
  for (const std::size_t n_samples : {plan.window - 1, plan.window, plan.window + 1, plan.window + plan.shift,
                                      plan.window + plan.shift + 1, plan.window + 2 * plan.shift - 5000}) {
    const std::vector<float> part(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(n_samples));
    const LogProbs whole = recognizer.log_probs(recognizer.features(view(part)));
    std::vector<LogProbs> results;
    for (const std::size_t piece : {part.size(), std::size_t{12345}}) {
      const auto source = longform::make_windows(recognizer.frontend(), recognizer.acoustic_model(),
                                                 static_cast<std::size_t>(recognizer.vocabulary().blank_id()), options);
      results.push_back(run(*source, part, piece));
    }
    CHECK(results[0].n_frames == whole.n_frames);
    CHECK(results[0].values == results[1].values);
    // The first window has nothing before it to know.
    const std::size_t n_same = (plan.shift / plan.frame_samples) / 2 * whole.n_tokens;
    CHECK(std::equal(whole.values.begin(), whole.values.begin() + static_cast<std::ptrdiff_t>(n_same),
                     results[0].values.begin(),
                     [](float one, float other) { return std::fabs(one - other) <= kLogProbs; }));
  }
}

TEST_CASE("windows fit the position table") {
  if (!onnxruntime_is_there()) return;
  ModelOptions model;
  model.graph = "offline.onnx";
  LongFormOptions options;
  options.one_shot_max_s = 30;
  options.window_s = 300;
  options.overlap_s = 10;
  for (const int limit : {1, 2, 3, 20, 61, 1000}) {
    model.max_encoder_frames = limit;
    const Recognizer recognizer = Recognizer::load(std::string(FASTCTC_MODELS) + "/digits", model);
    const AcousticModel& graph = recognizer.acoustic_model();
    if (limit < 3) {
      CHECK_THROWS_WITH_AS(longform::plan_windows(recognizer.frontend(), graph, options),
                           doctest::Contains("pos_emb_max_len"), OptionError);
      continue;
    }
    const longform::WindowPlan plan = longform::plan_windows(recognizer.frontend(), graph, options);
    CHECK(plan.shift > 0);
    CHECK(plan.shift < plan.window);
    const std::size_t n_frames = recognizer.frontend().n_frames(plan.window);
    CHECK(subsampled_length(n_frames, 8, true) <= static_cast<std::size_t>(limit));
    const std::vector<float> samples = tiled(10);
    const std::string method = samples.size() < plan.window ? "one_shot" : "windows";
    CHECK(in_pieces(recognizer, view(samples), 16000, options).method == method);
  }
}

TEST_CASE("a long recording gives the words of one run, by steps, windows and a stream") {
  if (!onnxruntime_is_there()) return;
  const std::vector<float> samples = tiled(20);
  LongFormOptions whole, parts;
  whole.one_shot_max_s = 79;
  parts.one_shot_max_s = 5;
  parts.window_s = 12;
  parts.overlap_s = 4;
  const Recognizer recognizer = demo();
  const Transcript expected = recognizer.transcribe(view(samples), whole);
  CHECK(expected.method == "one_shot");
  CHECK(expected.words.size() == 70);
  const Transcript steps = recognizer.transcribe(view(samples), parts);
  CHECK(steps.method == "steps");
  check_same(steps, expected);
  const Transcript windows = demo("offline.onnx").transcribe(view(samples), parts);
  CHECK(windows.method == "windows");
  CHECK(windows.text == expected.text);
  const Transcript stream = demo("exact-480ms.onnx").transcribe(view(samples), parts);
  CHECK(stream.method == "stream");
  CHECK(stream.text == expected.text);
}

TEST_CASE("any split of the samples gives the same transcript, at any rate") {
  if (!onnxruntime_is_there()) return;
  const std::vector<float> samples = tiled(8);
  const std::vector<float> telephone = resample(view(samples), 8000);
  LongFormOptions options;
  options.one_shot_max_s = 3;
  options.window_s = 6;
  options.overlap_s = 2;
  for (const char* graph : {"", "offline.onnx", "exact-1040ms.onnx"}) {
    const Recognizer recognizer = demo(graph);
    const Transcript expected = recognizer.transcribe(view(samples), options);
    for (const std::size_t piece : {std::size_t{163}, std::size_t{48000}, std::size_t{100000}}) {
      check_same(in_pieces(recognizer, view(samples), piece, options), expected);
    }
    check_same(in_pieces(recognizer, view(telephone, 8000), 999, options),
               recognizer.transcribe(view(telephone, 8000), options));
  }
}

TEST_CASE("the method turns one sample past one_shot_max_s") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  LongFormOptions options;
  options.one_shot_max_s = 2;
  const std::vector<float> samples = tiled(2);
  for (const std::size_t n_samples : {0, 31999, 32000}) {
    CHECK(in_pieces(recognizer, {samples.data(), n_samples, 16000}, 500, options).method == "one_shot");
    CHECK(recognizer.transcribe({samples.data(), n_samples, 16000}, options).method == "one_shot");
  }
  CHECK(in_pieces(recognizer, {samples.data(), 32001, 16000}, 500, options).method == "steps");
  CHECK(recognizer.transcribe({samples.data(), 32001, 16000}, options).method == "steps");
  CHECK(demo("exact-80ms.onnx").transcribe({samples.data(), 0, 16000}).method == "stream");
  // A batch of both keeps its order.
  const auto both = recognizer.transcribe({view(samples), {samples.data(), 16000, 16000}, view(samples)}, options);
  CHECK(both[0].method == "steps");
  CHECK(both[1].method == "one_shot");
  CHECK(both[2].text == both[0].text);
}

TEST_CASE("speech alone is transcribed where that is asked for, at its own times") {
  if (!onnxruntime_is_there()) return;
  const std::vector<float> five = recording("five-five.wav");
  std::vector<float> samples(5 * 16000);
  for (int i = 0; i < 3; ++i) {
    samples.insert(samples.end(), five.begin(), five.end());
    samples.resize(samples.size() + 4 * 16000);
  }
  LongFormOptions options;
  options.vad.kind = VadKind::energy;
  for (const double one_shot_max_s : {30.0, 0.5}) {
    options.one_shot_max_s = one_shot_max_s;
    for (const char* graph : {"", "exact-80ms.onnx"}) {
      const Recognizer recognizer = demo(graph);
      const Transcript transcript = recognizer.transcribe(view(samples), options);
      CHECK(transcript.text == "five five five five five five");
      CHECK(transcript.method == (*graph != 0 ? "stream" : one_shot_max_s > 1 ? "one_shot" : "steps"));
      REQUIRE(transcript.words.size() == 6);
      REQUIRE(transcript.speech.size() >= 3);
      CHECK(transcript.duration_s == static_cast<double>(samples.size()) / 16000);
      double last = 0;
      for (const SpeechSegment& segment : transcript.speech) {
        CHECK(segment.start_s >= last);
        CHECK(segment.end_s > segment.start_s);
        last = segment.end_s;
      }
      for (std::size_t i = 0; i < 6; ++i) {
        const double start_s = 5 + static_cast<double>(i / 2) * (4 + static_cast<double>(five.size()) / 16000);
        CHECK(transcript.words[i].start_s >= start_s);
        CHECK(transcript.words[i].end_s <= start_s + static_cast<double>(five.size()) / 16000);
        CHECK(std::any_of(transcript.speech.begin(), transcript.speech.end(), [&](const SpeechSegment& segment) {
          return segment.start_s <= transcript.words[i].start_s && transcript.words[i].end_s <= segment.end_s;
        }));
      }
      for (const std::size_t piece : {std::size_t{331}, std::size_t{100000}}) {
        check_same(in_pieces(recognizer, view(samples), piece, options), transcript);
      }
    }
  }
  const std::vector<float> quiet(3 * 16000);
  const Transcript nothing = demo().transcribe(view(quiet), options);
  CHECK(nothing.text.empty());
  CHECK(nothing.speech.empty());
  CHECK(nothing.method == "one_shot");
  CHECK(nothing.duration_s == 3);
  options.vad.snr_db = -1;
  CHECK_THROWS_AS(demo().transcribe(view(quiet), options), OptionError);
}

TEST_CASE("misuse of a long recording is named") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  std::vector<float> samples(16000);
  LongForm long_form(recognizer);
  long_form.push(view(samples));
  CHECK_THROWS_WITH_AS(long_form.push(view(samples, 8000)),
                       doctest::Contains("is at 16000 Hz, but this audio is at 8000 Hz"), AudioError);
  samples[77] = std::nanf("");
  CHECK_THROWS_WITH_AS(long_form.push(view(samples)), doctest::Contains("16077"), AudioError);
  CHECK_THROWS_AS(long_form.push({nullptr, 5, 16000}), AudioError);
  // None of these was taken: the recording goes on.
  CHECK(long_form.finish().duration_s == 1);
  CHECK_THROWS_WITH_AS(long_form.push({}), doctest::Contains("after finish()"), AudioError);
  CHECK_THROWS_WITH_AS(long_form.finish(), doctest::Contains("after finish()"), AudioError);
  CHECK_THROWS_AS(LongForm(recognizer).push({samples.data(), 10, 10}), OptionError);
}

TEST_CASE("options of long recordings that can't be are named") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  const auto check = [&](double LongFormOptions::* field, double value, const char* name) {
    LongFormOptions options;
    options.*field = value;
    CHECK_THROWS_WITH_AS(LongForm(recognizer, options), doctest::Contains(name), OptionError);
    CHECK_THROWS_AS(recognizer.transcribe(AudioView(), options), OptionError);
  };
  check(&LongFormOptions::one_shot_max_s, -1, "one_shot_max_s");
  check(&LongFormOptions::one_shot_max_s, std::nan(""), "one_shot_max_s");
  check(&LongFormOptions::window_s, 0.5, "window_s");
  check(&LongFormOptions::overlap_s, 0, "overlap_s");
  check(&LongFormOptions::overlap_s, 16, "overlap_s");
}
