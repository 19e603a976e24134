// Every door for samples refuses the same ones, in the same words.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "audio/samples.h"
#include "fastctc/audio.h"
#include "fastctc/c_api.h"
#include "fastctc/conversation.h"
#include "fastctc/error.h"
#include "fastctc/frontend.h"
#include "fastctc/long_form.h"
#include "fastctc/recognizer.h"
#include "fastctc/speech_detector.h"
#include "fastctc/stream.h"
#include "onnxruntime_library.h"

using namespace fastctc;

namespace {

using Samples = std::vector<float>;
using Door = std::pair<const char*, std::function<void(AudioView)>>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNotANumber = std::numeric_limits<float>::quiet_NaN();
const std::string kModel = std::string(FASTCTC_MODELS) + "/digits";

VadOptions energy() {
  VadOptions options;
  options.kind = VadKind::energy;
  return options;
}

// Quiet but for two samples, so that the first one is named.
Samples spoiled(float value) {
  Samples samples(4000, 0.01f);
  samples[1234] = samples[2000] = value;
  return samples;
}

std::string refusal(const Door& door, const Samples& samples) {
  try {
    door.second({samples.data(), samples.size(), 16000});
  } catch (const AudioError& error) {
    return error.what();
  }
  return "";
}

void check_refusals(const std::vector<Door>& doors) {
  const std::string not_finite = "; samples must be finite. None of this audio was taken: repair it, ";
  const std::string integers =
      "; float samples must be in [-1, 1]. None of this audio was taken: divide 16-bit values ";
  const std::vector<std::pair<float, std::string>> cases = {
      {kNotANumber, "Sample 1234 is NaN" + not_finite}, {kInfinity, "Sample 1234 is +Inf" + not_finite},
      {-kInfinity, "Sample 1234 is -Inf" + not_finite}, {12345, "Sample 1234 is 12345" + integers},
      {-100.5f, "Sample 1234 is -100.5" + integers},
  };
  for (const Door& door : doors) {
    INFO("door: " << door.first);
    for (const auto& entry : cases) {
      CHECK_MESSAGE(refusal(door, spoiled(entry.first)).find(entry.second) == 0, refusal(door, spoiled(entry.first)));
    }
    CHECK_THROWS_WITH_AS(door.second({nullptr, 5, 16000}), doctest::Contains("null"), Error);
    CHECK(refusal(door, spoiled(1.5f)) == "");
  }
}

// An error of C as C++ has it.
void raise(fastctc_status status) {
  if (status == FASTCTC_ERROR_AUDIO) throw AudioError(fastctc_last_error());
  if (status != FASTCTC_OK) throw Error("null: " + std::string(fastctc_last_error()));
}

}  // namespace

TEST_CASE("samples: every door without a model") {
  const Frontend frontend{FrontendOptions()};
  check_refusals({
      {"Resampler",
       [](AudioView audio) {
         Samples output;
         Resampler(8000, 16000).push(audio.samples, audio.n_samples, output);
       }},
      {"a Resampler of equal rates",
       [](AudioView audio) {
         Samples output;
         Resampler(8000, 8000).push(audio.samples, audio.n_samples, output);
       }},
      {"resample", [](AudioView audio) { resample(audio, 8000); }},
      {"Frontend", [&](AudioView audio) { frontend.compute(audio); }},
      {"FrontendStream", [&](AudioView audio) { FrontendStream(frontend).push(audio.samples, audio.n_samples); }},
      {"SpeechDetector", [](AudioView audio) { SpeechDetector(energy(), 16000).push(audio.samples, audio.n_samples); }},
      {"SpeechDetector, another rate", [](AudioView audio) { SpeechDetector(energy(), 8000).push(audio); }},
      {"detect_speech", [](AudioView audio) { detect_speech(audio, energy()); }},
      {"score_speech", [](AudioView audio) { score_speech(audio, energy()); }},
  });
}

TEST_CASE("samples: every door of a model, of C too") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = Recognizer::load(kModel);
  StreamPool pool(recognizer);
  LongFormOptions spoken;
  spoken.vad = energy();
  check_refusals({
      {"features", [&](AudioView audio) { recognizer.features(audio); }},
      {"transcribe", [&](AudioView audio) { recognizer.transcribe(audio); }},
      {"transcribe, speech alone", [&](AudioView audio) { recognizer.transcribe(audio, spoken); }},
      {"transcribe, another rate",
       [&](AudioView audio) { recognizer.transcribe(AudioView{audio.samples, audio.n_samples, 8000}); }},
      {"align", [&](AudioView audio) { recognizer.align(audio, "two"); }},
      {"LongForm", [&](AudioView audio) { LongForm(recognizer).push(audio); }},
      {"transcribe_channels", [&](AudioView audio) { transcribe_channels(recognizer, {audio}); }},
      {"Stream", [&](AudioView audio) { Stream(recognizer).push(audio); }},
      {"a stream of a pool", [&](AudioView audio) { pool.open().push(audio); }},
  });

  fastctc_recognizer* model = nullptr;
  REQUIRE(fastctc_recognizer_load(kModel.c_str(), nullptr, &model) == FASTCTC_OK);
  // result: a reference, as the call that sets it may be evaluated after it.
  const auto transcript = [](fastctc_status status, fastctc_transcript* const& result) {
    fastctc_transcript_free(result);
    raise(status);
  };
  check_refusals({
      {"fastctc_transcribe",
       [&](AudioView audio) {
         fastctc_transcript* result = nullptr;
         transcript(fastctc_transcribe(model, audio.samples, audio.n_samples, 16000, nullptr, &result), result);
       }},
      {"fastctc_align",
       [&](AudioView audio) {
         fastctc_transcript* result = nullptr;
         transcript(fastctc_align(model, audio.samples, audio.n_samples, 16000, "two", nullptr, &result), result);
       }},
      {"fastctc_long_form_push",
       [&](AudioView audio) {
         fastctc_long_form* long_form = nullptr;
         REQUIRE(fastctc_long_form_open(model, nullptr, &long_form) == FASTCTC_OK);
         const fastctc_status status = fastctc_long_form_push(long_form, audio.samples, audio.n_samples, 16000);
         fastctc_long_form_free(long_form);
         raise(status);
       }},
      {"fastctc_stream_push",
       [&](AudioView audio) {
         fastctc_stream* stream = nullptr;
         REQUIRE(fastctc_stream_open(model, nullptr, &stream) == FASTCTC_OK);
         const fastctc_status status = fastctc_stream_push(stream, audio.samples, audio.n_samples, 16000);
         fastctc_stream_free(stream);
         raise(status);
       }},
  });
  fastctc_recognizer_free(model);
}

TEST_CASE("samples: the limit itself is taken, and counts go on") {
  for (const std::size_t n : {1, 7, 16, 33}) {
    Samples samples(n, -kLoudestSample);
    samples.front() = std::numeric_limits<float>::denorm_min();
    CHECK_NOTHROW(check_samples(samples.data(), n));
    samples.back() = std::nextafter(kLoudestSample, kInfinity);
    CHECK_THROWS_WITH_AS(check_samples(samples.data(), n, 1000000000000),
                         doctest::Contains(("Sample " + std::to_string(1000000000000 + n - 1) + " is 32").c_str()),
                         AudioError);
  }
  CHECK_NOTHROW(check_samples(nullptr, 0));
}

TEST_CASE("samples: what resampling makes of the loudest is taken everywhere") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = Recognizer::load(kModel);
  // The signs of a filter's taps: the output where all of them add up.
  const Samples impulse = [] {
    Samples one(401, 0.0f);
    one[200] = 1;
    return resample({one.data(), one.size(), 8000}, 16000);
  }();
  Samples samples(401);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = impulse[2 * i + 1] < 0 ? -32.0f : 32.0f;
  const AudioView audio{samples.data(), samples.size(), 8000};
  float loudest = 0;
  for (const float sample : resample(audio, 16000)) loudest = std::max(loudest, std::abs(sample));
  CHECK(loudest > 2 * kLoudestSample);
  CHECK(loudest < kLoudestResampled);

  LongFormOptions spoken;
  spoken.vad = energy();
  StreamOptions live;
  live.vad = energy();
  CHECK_NOTHROW(recognizer.features(audio));
  CHECK_NOTHROW(recognizer.transcribe(audio));
  CHECK_NOTHROW(recognizer.transcribe(audio, spoken));
  CHECK_NOTHROW(detect_speech(audio, energy()));
  for (const StreamOptions& options : {StreamOptions(), live}) {
    Stream stream(recognizer, options);
    CHECK_NOTHROW(stream.push(audio));
    CHECK_NOTHROW(stream.finish());
  }
}
