// The end of a WAV file: what has to be there, whoever reads it.
#pragma once

#include <fastctc/error.h>
#include <fastctc/sample_reader.h>

#include <cstdint>
#include <string>
#include <vector>

namespace com {
namespace teracloud {
namespace streamsx {
namespace stt {

// Counts what a reader of one recording gave, and ends it. Half a recording, or none, must not pass for a whole one.
class RecordingEnd {
 public:
  void count(std::size_t n_samples) { n_samples_ += n_samples; }

  // Appends the last samples. Raises fastctc::AudioError on a header that is no WAV header or is cut, and on less audio
  // than it promises; `samples` then still has what came.
  void finish(fastctc::SampleReader& reader, std::vector<float>& samples) {
    const std::size_t n_before = samples.size();
    reader.finish(samples);
    n_samples_ += samples.size() - n_before;
    const std::uint64_t n_missing = reader.n_missing_bytes();
    if (n_samples_ == 0) throw fastctc::AudioError("The WAV file has a header and no audio.");
    if (n_missing < frame_bytes(reader.format())) return;
    throw fastctc::AudioError("The WAV file is truncated: it ends " + std::to_string(n_missing) +
                              " bytes before its header says. Send the whole file.");
  }

 private:
  static std::uint64_t frame_bytes(const fastctc::SampleFormat& format) {
    std::uint64_t width = 1;  // u8 and the telephone's codes
    switch (format.encoding) {
      case fastctc::SampleEncoding::s16le:
        width = 2;
        break;
      case fastctc::SampleEncoding::s24le:
        width = 3;
        break;
      case fastctc::SampleEncoding::s32le:
      case fastctc::SampleEncoding::f32le:
        width = 4;
        break;
      case fastctc::SampleEncoding::f64le:
        width = 8;
        break;
      default:
        break;
    }
    return width * static_cast<std::uint64_t>(format.n_channels);
  }

  std::size_t n_samples_ = 0;
};

}  // namespace stt
}  // namespace streamsx
}  // namespace teracloud
}  // namespace com
