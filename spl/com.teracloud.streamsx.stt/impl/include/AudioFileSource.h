// What FileAudioSource submits: a WAV file in chunks. C++11, fastctc and the standard library.
#pragma once

#include <fastctc/error.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "AudioFile.h"

namespace speech_to_text {

struct AudioFileSourceOptions {
  std::string path;
  int sample_rate_hz = 16000;    // of the chunks; 0: the file's
  int chunk_ms = 100;            // duration of a chunk,
  std::int64_t chunk_bytes = 0;  // or its size, where that is not 0
  int bits_per_sample = 16;      // of the chunks: there is no other
  int n_channels = 0;            // that the file must have; 0: any
  ChannelMode channel_mode = ChannelMode::mix;
};

struct AudioChunk {
  std::string bytes;       // 16-bit little-endian integers; none: the end of the channel
  int channel;             // from 0; -1: several, interleaved
  int n_channels;          // interleaved
  int sample_rate_hz;      //
  std::uint64_t start_ms;  // of its first sample in the file
};
using AudioChunks = std::vector<AudioChunk>;

class AudioFileSource {
 public:
  // Raises fastctc::AudioError on what is no WAV file, fastctc::OptionError; messages name the operator's parameters.
  explicit AudioFileSource(const AudioFileSourceOptions& options)
      : options_(checked(options)), file_(options.path, options.sample_rate_hz) {
    const int n_channels = static_cast<int>(file_.n_channels());
    if (options.n_channels > 0 && options.n_channels != n_channels) {
      throw fastctc::AudioError(options.path + ": the parameter channelCount is " + std::to_string(options.n_channels) +
                                ", the file has " + std::to_string(n_channels) +
                                " channels. Leave the parameter out, or correct it.");
    }
    std::int64_t n_samples = std::int64_t{file_.sample_rate_hz()} * options.chunk_ms / 1000;
    if (options.chunk_bytes > 0) n_samples = options.chunk_bytes / (2 * interleaved());
    n_samples_ = static_cast<std::size_t>(std::max<std::int64_t>(1, n_samples));
  }

  // The next piece of the file, a chunk or one a channel; false at the end.
  bool next(AudioChunks& chunks) {
    chunks.clear();
    std::vector<std::vector<float>> channels;
    if (!file_.next(n_samples_, channels)) return false;
    for (const std::vector<float>& samples : arrange(channels, options_.channel_mode)) {
      chunks.push_back(describe(static_cast<int>(chunks.size()), to_pcm16(samples)));
    }
    n_read_ += channels[0].size();
    return true;
  }
  // What tells the end: as many chunks as a piece has, without bytes.
  AudioChunks ends() const {
    AudioChunks chunks;
    const std::size_t n = options_.channel_mode == ChannelMode::split ? file_.n_channels() : 1;
    for (std::size_t i = 0; i < n; ++i) chunks.push_back(describe(static_cast<int>(i), std::string()));
    return chunks;
  }
  // After next() gave false. Raises fastctc::AudioError where that was not the whole file.
  void check() const { file_.check(); }
  double read_s() const { return static_cast<double>(n_read_) / file_.sample_rate_hz(); }

 private:
  static const AudioFileSourceOptions& checked(const AudioFileSourceOptions& options) {
    if (options.chunk_ms < 1) throw fastctc::OptionError("The parameter chunkMs must be 1 or more.");
    if (options.bits_per_sample != 16) {
      throw fastctc::OptionError("The parameter bitsPerSample is " + std::to_string(options.bits_per_sample) +
                                 ", but the samples that are submitted have 16 bits, whatever the file has. Leave the "
                                 "parameter out.");
    }
    return options;
  }
  int interleaved() const {
    return options_.channel_mode == ChannelMode::interleave ? static_cast<int>(file_.n_channels()) : 1;
  }
  AudioChunk describe(int index, const std::string& bytes) const {
    const bool is_interleaved = interleaved() > 1;
    return {bytes, is_interleaved ? -1 : index, interleaved(), file_.sample_rate_hz(),
            static_cast<std::uint64_t>(n_read_) * 1000 / static_cast<std::uint64_t>(file_.sample_rate_hz())};
  }

  AudioFileSourceOptions options_;
  AudioFile file_;
  std::size_t n_samples_ = 0;  // of each channel in a chunk
  std::size_t n_read_ = 0;     // of each channel
};

// When a moment of the audio comes if the audio plays since the clock was made.
class RealTimeClock {
 public:
  double seconds_until(double audio_s) const {
    const double passed_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    return std::max(0.0, audio_s - passed_s);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace speech_to_text
