// WAV files as raw audio, piece by piece: what FileAudioSource reads. C++11, fastctc and the standard library.
#pragma once

#include <fastctc/audio.h>
#include <fastctc/error.h>
#include <fastctc/sample_reader.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "Recording.h"

namespace com {
namespace teracloud {
namespace streamsx {
namespace stt {

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
  std::vector<float> one;
  for (std::size_t i = 0; i < channels[0].size(); ++i) {
    float sum = 0;
    for (const std::vector<float>& channel : channels) {
      sum += channel[i];
      if (mode == ChannelMode::interleave) one.push_back(channel[i]);
    }
    if (mode == ChannelMode::mix) one.push_back(sum / static_cast<float>(channels.size()));
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
  AudioFile(const std::string& path, int sample_rate_hz)
      : path_(path), sample_rate_hz_(sample_rate_hz), file_(std::fopen(path.c_str(), "rb"), &std::fclose) {
    if (!file_) throw fastctc::AudioNotFoundError(path + ": there is no such file, or it can't be read.");
    try {
      while (!reader_.has_format() && error_.empty() && read()) {
      }
    } catch (const fastctc::Error& error) {
      throw fastctc::AudioError(path + ": " + error.what());
    }
    if (!error_.empty()) throw fastctc::AudioError(error_);
    file_rate_hz_ = reader_.format().sample_rate_hz;
    if (sample_rate_hz_ == 0) sample_rate_hz_ = file_rate_hz_;
    channels_.resize(static_cast<std::size_t>(reader_.format().n_channels));
    if (sample_rate_hz_ != file_rate_hz_) {
      for (std::size_t i = 0; i < channels_.size(); ++i) resamplers_.emplace_back(file_rate_hz_, sample_rate_hz_);
    }
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
    if (!error_.empty()) throw fastctc::AudioError(error_);
  }

 private:
  // False at the end.
  bool read() {
    if (finished_) return false;
    char bytes[1 << 14];
    const std::size_t n = std::fread(bytes, 1, sizeof bytes, file_.get());
    if (n > 0) {
      is_empty_ = false;
      const std::size_t n_before = interleaved_.size();
      reader_.push(bytes, n, interleaved_);
      end_.count(interleaved_.size() - n_before);
      return true;
    }
    finished_ = true;
    if (std::ferror(file_.get())) {
      error_ = path_ + ": can't be read to its end.";
    } else if (is_empty_) {
      error_ = path_ + ": the file is empty.";
    } else {
      try {
        end_.finish(reader_, interleaved_);
      } catch (const fastctc::Error& error) {
        error_ = path_ + ": " + error.what();
      }
    }
    return true;
  }
  void distribute() {
    const std::size_t n_channels = channels_.size();
    for (std::size_t i = 0; i < n_channels; ++i) {
      std::vector<float> own;
      for (std::size_t at = i; at < interleaved_.size(); at += n_channels) own.push_back(interleaved_[at]);
      if (resamplers_.empty()) {
        channels_[i].insert(channels_[i].end(), own.begin(), own.end());
        continue;
      }
      resamplers_[i].push(own.data(), own.size(), channels_[i]);
      if (finished_) resamplers_[i].finish(channels_[i]);
    }
    interleaved_.clear();
  }

  std::string path_;
  int sample_rate_hz_;
  int file_rate_hz_ = 0;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  fastctc::SampleReader reader_;
  RecordingEnd end_;
  std::vector<fastctc::Resampler> resamplers_;
  std::vector<float> interleaved_;            // read, not yet distributed
  std::vector<std::vector<float>> channels_;  // not yet given
  bool is_empty_ = true;
  bool finished_ = false;
  std::string error_;  // what kept the recording from being whole
};

}  // namespace stt
}  // namespace streamsx
}  // namespace teracloud
}  // namespace com
