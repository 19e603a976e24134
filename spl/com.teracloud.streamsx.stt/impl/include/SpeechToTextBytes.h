// The bytes of one recording, in tuples of any size, to samples.
#pragma once

#include <fastctc/error.h>
#include <fastctc/sample_reader.h>

#include <algorithm>
#include <string>
#include <vector>

#include "Recording.h"
#include "SpeechToTextState.h"
#include "SpeechToTextTypes.h"

namespace speech_to_text {

// A fastctc::SampleReader that can be saved. Bytes that are no whole sample wait for the next tuple.
class SpeechToTextBytes {
 public:
  // n_channels: of raw samples.
  SpeechToTextBytes(AudioFormat format, int n_channels)
      : format_(format), n_channels_(n_channels), reader_(make(format, n_channels)) {}

  // Appends interleaved samples. Raises fastctc::AudioError.
  void push(const char* bytes, std::size_t n_bytes, std::vector<float>& samples) {
    // In small pieces until the header was read: it is what save() has to keep.
    while (n_bytes > 0 && !reader_.has_format()) {
      const std::size_t n = std::min<std::size_t>(n_bytes, 64);
      header_.append(bytes, n);
      reader_.push(bytes, n, samples);
      bytes += n;
      n_bytes -= n;
    }
    if (n_bytes == 0) return;
    reader_.push(bytes, n_bytes, samples);
    n_after_header_ += n_bytes;
    const std::size_t n_tail = std::min<std::size_t>(n_bytes, kTail);
    tail_.append(bytes + n_bytes - n_tail, n_tail);
    if (tail_.size() > kTail) tail_.erase(0, tail_.size() - kTail);
  }
  // The recording is whole. Raises fastctc::AudioError on a WAV file that is not; `samples` then has what came.
  void finish(std::vector<float>& samples) {
    if (format_ == AudioFormat::wav) {
      finish_wav(reader_, samples);
    } else {
      reader_.finish(samples);
    }
  }
  bool has_format() const { return reader_.has_format(); }
  const fastctc::SampleFormat& format() const { return reader_.format(); }
  int n_raw_channels() const { return n_channels_; }

  void save(StateWriter& writer) const {
    writer.text(header_);
    writer.integer(static_cast<std::int64_t>(n_after_header_));
    writer.text(tail_);
  }
  // Into a new one. Where the reader stands depends on how many bytes came, not on what they were: silence stands for
  // the samples that are dropped here.
  void restore(StateReader& state) {
    std::vector<float> dropped;
    const std::string header = state.text();
    const std::int64_t n_after_header = state.integer();
    const std::string tail = state.text();
    if (n_after_header < static_cast<std::int64_t>(tail.size())) StateReader::broken();
    push(header.data(), header.size(), dropped);
    const std::string silence(1 << 16, '\0');
    for (std::int64_t n = n_after_header - static_cast<std::int64_t>(tail.size()); n > 0;) {
      const std::size_t n_piece = static_cast<std::size_t>(std::min<std::int64_t>(n, 1 << 16));
      push(silence.data(), n_piece, dropped);
      dropped.clear();
      n -= static_cast<std::int64_t>(n_piece);
    }
    push(tail.data(), tail.size(), dropped);
  }

 private:
  enum : std::size_t { kTail = 4096 };  // more than a frame of any format

  static fastctc::SampleReader make(AudioFormat format, int n_channels) {
    if (format == AudioFormat::wav) return fastctc::SampleReader();
    fastctc::SampleFormat raw;
    raw.n_channels = n_channels;
    if (format == AudioFormat::mulaw) raw.encoding = fastctc::SampleEncoding::mulaw;
    if (format == AudioFormat::alaw) raw.encoding = fastctc::SampleEncoding::alaw;
    return fastctc::SampleReader(raw);
  }

  AudioFormat format_;
  int n_channels_;
  fastctc::SampleReader reader_;
  std::string header_;
  std::uint64_t n_after_header_ = 0;
  std::string tail_;
};

}  // namespace speech_to_text
