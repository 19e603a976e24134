#include <memory>
#include <vector>

#include "c_api/guard.h"
#include "c_api/handles.h"
#include "fastctc/conversation.h"

using namespace fastctc::c_api;
using fastctc::AudioView;

namespace fastctc::c_api {

std::vector<float> samples_of(const fastctc_int16* samples, std::size_t n_samples) {
  require_array(samples, n_samples, "samples");
  std::vector<float> result(n_samples);
  for (std::size_t i = 0; i < n_samples; ++i) result[i] = static_cast<float>(samples[i]) / 32768.0f;
  return result;
}

}  // namespace fastctc::c_api

fastctc_status fastctc_transcribe(const fastctc_recognizer* recognizer, const float* samples, size_t n_samples,
                                  int sample_rate_hz, const fastctc_options* options, fastctc_transcript** transcript) {
  if (transcript) *transcript = nullptr;
  return guarded([&] {
    const fastctc_recognizer& model = require(recognizer, "recognizer");
    require(transcript, "transcript");
    const AudioView audio{require_array(samples, n_samples, "samples"), n_samples, sample_rate_hz};
    *transcript = new fastctc_transcript{model.recognizer.transcribe(audio, long_form_options(model, options))};
  });
}

fastctc_status fastctc_transcribe_int16(const fastctc_recognizer* recognizer, const fastctc_int16* samples,
                                        size_t n_samples, int sample_rate_hz, const fastctc_options* options,
                                        fastctc_transcript** transcript) {
  if (transcript) *transcript = nullptr;
  std::vector<float> converted;
  const fastctc_status status = guarded([&] { converted = samples_of(samples, n_samples); });
  if (status != FASTCTC_OK) return status;
  return fastctc_transcribe(recognizer, converted.data(), n_samples, sample_rate_hz, options, transcript);
}

fastctc_status fastctc_transcribe_batch(const fastctc_recognizer* recognizer, const float* const* samples,
                                        const size_t* n_samples, size_t n_items, int sample_rate_hz,
                                        const fastctc_options* options, fastctc_transcript** transcripts) {
  for (size_t item = 0; transcripts && item < n_items; ++item) transcripts[item] = nullptr;
  return guarded([&] {
    const fastctc_recognizer& model = require(recognizer, "recognizer");
    require_array(samples, n_items, "samples");
    require_array(n_samples, n_items, "n_samples");
    require_array(transcripts, n_items, "transcripts");
    std::vector<AudioView> batch;
    for (size_t item = 0; item < n_items; ++item) {
      batch.push_back({require_array(samples[item], n_samples[item], "samples[i]"), n_samples[item], sample_rate_hz});
    }
    std::vector<std::unique_ptr<fastctc_transcript>> results;  // all or none
    for (fastctc::Transcript& one : model.recognizer.transcribe(batch, long_form_options(model, options))) {
      results.emplace_back(new fastctc_transcript{std::move(one)});
    }
    for (size_t item = 0; item < n_items; ++item) transcripts[item] = results[item].release();
  });
}

fastctc_status fastctc_align(const fastctc_recognizer* recognizer, const float* samples, size_t n_samples,
                             int sample_rate_hz, const char* text, const fastctc_options* options,
                             fastctc_transcript** transcript) {
  if (transcript) *transcript = nullptr;
  return guarded([&] {
    const fastctc_recognizer& model = require(recognizer, "recognizer");
    require(transcript, "transcript");
    const AudioView audio{require_array(samples, n_samples, "samples"), n_samples, sample_rate_hz};
    *transcript = new fastctc_transcript{
        model.recognizer.align(audio, &require(text, "text"), long_form_options(model, options))};
  });
}

fastctc_status fastctc_transcribe_channels(const fastctc_recognizer* recognizer, const float* const* channels,
                                           size_t n_channels, size_t n_samples, int sample_rate_hz,
                                           const fastctc_options* options, fastctc_conversation** conversation) {
  if (conversation) *conversation = nullptr;
  return guarded([&] {
    const fastctc_recognizer& model = require(recognizer, "recognizer");
    require(conversation, "conversation");
    require_array(channels, n_channels, "channels");
    std::vector<AudioView> views;
    for (size_t channel = 0; channel < n_channels; ++channel) {
      views.push_back({require_array(channels[channel], n_samples, "channels[i]"), n_samples, sample_rate_hz});
    }
    const auto given = channel_options(model, options);
    auto result = std::make_unique<fastctc_conversation>();
    result->value = fastctc::transcribe_channels(model.recognizer, views, given.first, given.second);
    for (fastctc::Transcript& one : result->value.channels) result->channels.push_back({std::move(one)});
    *conversation = result.release();
  });
}

fastctc_status fastctc_long_form_open(const fastctc_recognizer* recognizer, const fastctc_options* options,
                                      fastctc_long_form** long_form) {
  if (long_form) *long_form = nullptr;
  return guarded([&] {
    const fastctc_recognizer& model = require(recognizer, "recognizer");
    require(long_form, "long_form");
    *long_form = new fastctc_long_form{fastctc::LongForm(model.recognizer, long_form_options(model, options)), false};
  });
}

void fastctc_long_form_free(fastctc_long_form* long_form) { delete long_form; }

fastctc_status fastctc_long_form_push(fastctc_long_form* long_form, const float* samples, size_t n_samples,
                                      int sample_rate_hz) {
  return guarded([&] {
    fastctc_long_form& target = require(long_form, "long_form");
    if (target.finished) throw StateError("The recording was finished; open another one.");
    target.long_form.push({require_array(samples, n_samples, "samples"), n_samples, sample_rate_hz});
  });
}

fastctc_status fastctc_long_form_push_int16(fastctc_long_form* long_form, const fastctc_int16* samples,
                                            size_t n_samples, int sample_rate_hz) {
  std::vector<float> converted;
  const fastctc_status status = guarded([&] { converted = samples_of(samples, n_samples); });
  if (status != FASTCTC_OK) return status;
  return fastctc_long_form_push(long_form, converted.data(), n_samples, sample_rate_hz);
}

fastctc_status fastctc_long_form_finish(fastctc_long_form* long_form, fastctc_transcript** transcript) {
  if (transcript) *transcript = nullptr;
  return guarded([&] {
    fastctc_long_form& target = require(long_form, "long_form");
    require(transcript, "transcript");
    if (target.finished) throw StateError("The recording was finished before; its transcript is given once.");
    target.finished = true;
    *transcript = new fastctc_transcript{target.long_form.finish()};
  });
}

double fastctc_long_form_done_s(const fastctc_long_form* long_form) {
  return value_or(0.0, [&] { return require(long_form, "long_form").long_form.done_s(); });
}
