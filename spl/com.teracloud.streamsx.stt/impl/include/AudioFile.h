// WAV files as raw audio, piece by piece: what FileAudioSource reads. C++11, fastctc and the standard library.
#pragma once

#include <fastctc/audio.h>
#include <fastctc/error.h>
#include <fastctc/sample_reader.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "Recording.h"

namespace speech_to_text {

// 16-bit little-endian integers; what lies outside is clipped.
inline std::string to_pcm16(const std::vector<float>& samples) {
  std::string bytes;
  for (const float sample : samples) {
    const long value = std::min(32767L, std::max(-32768L, std::lround(sample * 32768.0f)));
    bytes.push_back(static_cast<char>(value & 0xff));
    bytes.push_back(static_cast<char>(value >> 8 & 0xff));
  }
  return bytes;
}

// What a piece of several channels becomes: their mean, each on its own, or sample by sample in turn.
enum class ChannelMode { mix, split, interleave };
// By its name above. Raises fastctc::OptionError.
inline ChannelMode channel_mode(const std::string& name) {
  if (name == "mix") return ChannelMode::mix;
  if (name == "split") return ChannelMode::split;
  if (name == "interleave") return ChannelMode::interleave;
  throw fastctc::OptionError("The parameter channelMode is mix, split or interleave, not '" + name + "'.");
}
inline std::vector<std::vector<float>> arrange(const std::vector<std::vector<float>>& channels, ChannelMode mode) {
  if (mode == ChannelMode::split) return channels;
  if (mode == ChannelMode::mix) {
    fastctc::Recording recording;
    recording.channels = channels;
    return {fastctc::mix(recording)};
  }
  std::vector<float> one;
  for (std::size_t i = 0; i < channels[0].size(); ++i) {
    for (const std::vector<float>& channel : channels) one.push_back(channel[i]);
  }
  return {one};
}

// The channels of interleaved 16-bit samples, in pieces of any size: `rest` keeps the bytes of the last frame that is
// not whole, and is the caller's for the next piece.
inline std::vector<std::string> split_pcm16(const std::string& bytes, std::size_t n_channels, std::string& rest) {
  const std::string all = rest + bytes;
  const std::size_t n_frame_bytes = 2 * n_channels;
  const std::size_t n_whole = all.size() - all.size() % n_frame_bytes;
  std::vector<std::string> channels(n_channels);
  for (std::size_t at = 0; at < n_whole; at += 2) channels[at % n_frame_bytes / 2].append(all, at, 2);
  rest = all.substr(n_whole);
  return channels;
}

// Not copied, one thread at a time.
class AudioFile {
 public:
  // sample_rate_hz: what the audio is resampled to; 0: not. Raises fastctc::AudioError, fastctc::OptionError.
  AudioFile(const std::string& path, int sample_rate_hz) : path_(path), sample_rate_hz_(sample_rate_hz), file_(path) {
    if (!file_.is_open()) throw fastctc::AudioNotFoundError(path + ": " + file_.fault());
    while (!reader_.has_format() && read()) {
    }
    check();
    const int file_rate_hz = reader_.format().sample_rate_hz;
    if (sample_rate_hz_ == 0) sample_rate_hz_ = file_rate_hz;
    channels_.resize(static_cast<std::size_t>(reader_.format().n_channels));
    for (std::size_t i = 0; i < channels_.size(); ++i) resamplers_.emplace_back(file_rate_hz, sample_rate_hz_);
    distribute();
  }

  std::size_t n_channels() const { return channels_.size(); }
  int sample_rate_hz() const { return sample_rate_hz_; }

  // The next `n_samples` of every channel, fewer at the end; false where nothing is left.
  bool next(std::size_t n_samples, std::vector<std::vector<float>>& channels) {
    while (channels_[0].size() < n_samples && read()) distribute();
    const std::size_t n = std::min(n_samples, channels_[0].size());
    channels.assign(channels_.size(), std::vector<float>());
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      const auto end = channels_[i].begin() + static_cast<std::ptrdiff_t>(n);
      channels[i].assign(channels_[i].begin(), end);
      channels_[i].erase(channels_[i].begin(), end);
    }
    return n > 0;
  }

  // When nothing is left: raises fastctc::AudioError where that was not the whole recording.
  void check() const {
    if (!error_.empty()) throw fastctc::AudioError(path_ + ": " + error_);
  }

 private:
  // False at the end.
  bool read() {
    if (finished_) return false;
    try {
      char bytes[1 << 14];
      const std::size_t n = file_.read(bytes, sizeof bytes);
      if (n > 0) {
        reader_.push(bytes, n, interleaved_);
        return true;
      }
      error_ = file_.fault();
      if (error_.empty()) finish_wav(reader_, interleaved_);
    } catch (const fastctc::Error& error) {
      error_ = error.what();
    }
    finished_ = true;
    return true;
  }
  void distribute() {
    const std::vector<std::vector<float>> own = fastctc::deinterleave(interleaved_, reader_.format().n_channels);
    for (std::size_t i = 0; i < own.size(); ++i) {
      resamplers_[i].push(own[i].data(), own[i].size(), channels_[i]);
      if (finished_) resamplers_[i].finish(channels_[i]);
    }
    interleaved_.clear();
  }

  std::string path_;
  int sample_rate_hz_;
  FileBytes file_;
  fastctc::SampleReader reader_;
  std::vector<fastctc::Resampler> resamplers_;
  std::vector<float> interleaved_;            // read, not yet distributed
  std::vector<std::vector<float>> channels_;  // not yet given
  bool finished_ = false;
  std::string error_;  // what kept the recording from being whole
};

}  // namespace speech_to_text
