#include <vector>

#include "c_api/guard.h"
#include "c_api/handles.h"

using namespace fastctc::c_api;
using fastctc::Recognizer;

namespace {

const Recognizer& of(const fastctc_recognizer* recognizer) { return require(recognizer, "recognizer").recognizer; }

}  // namespace

fastctc_status fastctc_recognizer_load(const char* path, const fastctc_options* options,
                                       fastctc_recognizer** recognizer) {
  if (recognizer) *recognizer = nullptr;
  return guarded([&] {
    require(recognizer, "recognizer");
    const fastctc::LoadOptions given = load_options(options);
    *recognizer = new fastctc_recognizer{Recognizer::load(&require(path, "path"), given.model, given.session), {}, {}};
  });
}

void fastctc_recognizer_free(fastctc_recognizer* recognizer) { delete recognizer; }

int fastctc_recognizer_sample_rate_hz(const fastctc_recognizer* recognizer) {
  return value_or(0, [&] { return of(recognizer).sample_rate_hz(); });
}

double fastctc_recognizer_frame_s(const fastctc_recognizer* recognizer) {
  return value_or(0.0, [&] { return of(recognizer).frame_s(); });
}

size_t fastctc_recognizer_n_tokens(const fastctc_recognizer* recognizer) {
  return value_or<size_t>(0, [&] { return of(recognizer).vocabulary().size(); });
}

int fastctc_recognizer_blank_id(const fastctc_recognizer* recognizer) {
  return value_or(-1, [&] { return of(recognizer).vocabulary().blank_id(); });
}

const char* fastctc_recognizer_piece(const fastctc_recognizer* recognizer, size_t token_id) {
  return value_or<const char*>(
      nullptr, [&] { return element(of(recognizer).vocabulary().pieces(), token_id, "token").c_str(); });
}

size_t fastctc_recognizer_n_latencies(const fastctc_recognizer* recognizer) {
  return value_or<size_t>(0, [&] { return of(recognizer).latencies_ms().size(); });
}

int fastctc_recognizer_latency_ms(const fastctc_recognizer* recognizer, size_t index) {
  return value_or(-1, [&] {
    const std::vector<int> latencies_ms = of(recognizer).latencies_ms();
    return element(latencies_ms, index, "look-ahead");
  });
}

int fastctc_recognizer_has_offline_graph(const fastctc_recognizer* recognizer) {
  return value_or(-1, [&] { return of(recognizer).has_offline_graph() ? 1 : 0; });
}

size_t fastctc_recognizer_n_properties(const fastctc_recognizer* recognizer) {
  return value_or<size_t>(0, [&] { return of(recognizer).properties().size(); });
}

fastctc_status fastctc_recognizer_property(const fastctc_recognizer* recognizer, size_t index, const char** name,
                                           const char** value, const char** source) {
  for (const char** out : {name, value, source}) {
    if (out) *out = nullptr;
  }
  return guarded([&] {
    const fastctc::Property& property = element(of(recognizer).properties(), index, "property");
    if (name) *name = property.name.c_str();
    if (value) *value = property.value.c_str();
    if (source) *source = property.source.c_str();
  });
}

fastctc_status fastctc_audio_read_wav(const char* path, fastctc_audio** audio) {
  if (audio) *audio = nullptr;
  return guarded([&] {
    require(audio, "audio");
    fastctc::Recording recording = fastctc::read_wav(&require(path, "path"));
    std::vector<float> mean;
    if (recording.channels.size() > 1) mean = fastctc::mix(recording);
    *audio = new fastctc_audio{std::move(recording), std::move(mean)};
  });
}

void fastctc_audio_free(fastctc_audio* audio) { delete audio; }

int fastctc_audio_sample_rate_hz(const fastctc_audio* audio) {
  return value_or(0, [&] { return require(audio, "audio").recording.sample_rate_hz; });
}

size_t fastctc_audio_n_channels(const fastctc_audio* audio) {
  return value_or<size_t>(0, [&] { return require(audio, "audio").recording.channels.size(); });
}

size_t fastctc_audio_n_samples(const fastctc_audio* audio) {
  return value_or<size_t>(0, [&] { return require(audio, "audio").recording.channels.front().size(); });
}

const float* fastctc_audio_samples(const fastctc_audio* audio, int channel) {
  return value_or<const float*>(nullptr, [&] {
    static const float kNone = 0;  // an empty channel's pointer is not NULL either
    const auto& channels = require(audio, "audio").recording.channels;
    if (channel == -1 && channels.size() > 1) {
      return audio->mean.empty() ? &kNone : audio->mean.data();
    }
    const auto index = channel == -1 ? 0 : static_cast<size_t>(channel);  // a negative one is out of range
    const std::vector<float>& samples = element(channels, index, "channel");
    return samples.empty() ? &kNone : samples.data();
  });
}
