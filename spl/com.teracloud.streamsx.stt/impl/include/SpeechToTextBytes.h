// The bytes of one recording, in tuples of any size, to samples.
#pragma once

#include <fastctc/error.h>
#include <fastctc/sample_reader.h>

#include <algorithm>
#include <string>
#include <vector>

#include "SpeechToTextState.h"
#include "SpeechToTextTypes.h"

namespace com {
namespace teracloud {
namespace streamsx {
namespace stt {

// A fastctc::SampleReader that can be saved. Bytes that are no whole sample wait for the next tuple.
class SpeechToTextBytes {
 public:
  explicit SpeechToTextBytes(const SpeechToTextOptions& options) : reader_(make(options)) {}

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
  void finish(std::vector<float>& samples) { reader_.finish(samples); }
  bool has_format() const { return reader_.has_format(); }
  const fastctc::SampleFormat& format() const { return reader_.format(); }

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

  static fastctc::SampleReader make(const SpeechToTextOptions& options) {
    if (options.audio_format == AudioFormat::wav) return fastctc::SampleReader();
    fastctc::SampleFormat format;
    format.n_channels = options.n_channels;
    format.sample_rate_hz = options.sample_rate_hz;
    if (options.audio_format == AudioFormat::mulaw) format.encoding = fastctc::SampleEncoding::mulaw;
    if (options.audio_format == AudioFormat::alaw) format.encoding = fastctc::SampleEncoding::alaw;
    return fastctc::SampleReader(format);
  }

  fastctc::SampleReader reader_;
  std::string header_;
  std::uint64_t n_after_header_ = 0;
  std::string tail_;
};

}  // namespace stt
}  // namespace streamsx
}  // namespace teracloud
}  // namespace com
