// WAV files and raw samples as bytes, in pieces of any size, to samples in [-1, 1].
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fastctc/export.h"

namespace fastctc {

// One value of one channel: unsigned, signed, float (little-endian); mulaw and alaw are the telephone's (ITU-T G.711).
enum class SampleEncoding { u8, s16le, s24le, s32le, f32le, f64le, mulaw, alaw };
// By its name above. Raises OptionError that lists them.
FASTCTC_API SampleEncoding sample_encoding(const std::string& name);

struct SampleFormat {
  SampleEncoding encoding = SampleEncoding::s16le;
  int n_channels = 1;
  int sample_rate_hz = 0;  // 0: unknown (raw samples tell none)
};

// One recording or stream; one thread at a time. Any split of the bytes gives the same samples. Integers are divided by
// the magnitude of their lowest value.
//
// WAV: RIFF, RF64 and BW64; PCM of 8, 16, 24 and 32 bits, float of 32 and 64 bits, mu-law, A-law, each also as
// WAVE_FORMAT_EXTENSIBLE; chunks before and after the audio are skipped. Where the writer never knew the size, as in a
// pipe (0, all ones, or a signed maximum), the audio runs to the end of the bytes.
class FASTCTC_API SampleReader {
 public:
  SampleReader();                                     // WAV: the header tells the format
  explicit SampleReader(const SampleFormat& format);  // raw samples. Raises OptionError
  ~SampleReader();
  SampleReader(SampleReader&&) noexcept;
  SampleReader& operator=(SampleReader&&) noexcept;

  // Takes bytes; appends the samples of every frame that is complete to `samples`, channels interleaved. Raises
  // AudioError on another kind of file (the message says which, if that can be told), and after finish(); then only
  // reset() makes sense.
  void push(const void* bytes, std::size_t n_bytes, std::vector<float>& samples);
  // No more bytes; appends what had to wait for it. Raises AudioError where the header or its audio never came. Less
  // audio than the header promises is no error: see is_cut_off().
  void finish(std::vector<float>& samples);
  // Whether the format is known: of raw samples at once, of WAV once the header was read.
  bool has_format() const;
  const SampleFormat& format() const;  // Raises AudioError before it is known
  // After finish(): bytes that the header promises and that never came, and those of a last frame that is incomplete.
  std::uint64_t n_missing_bytes() const;
  std::size_t n_rest_bytes() const;
  // After finish(): whether a frame or more of what the header promises never came. Half a recording must not pass for
  // a whole one.
  bool is_cut_off() const;
  std::uint64_t n_frames() const;  // given so far: samples of each channel
  // Ready for another recording.
  void reset();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The channels of whole frames, as SampleReader gives them: channels[channel][sample]. Raises OptionError where the
// last frame is incomplete, and where n_channels is less than 1.
FASTCTC_API std::vector<std::vector<float>> deinterleave(const std::vector<float>& samples, int n_channels);

// A recording in memory: channels[channel][sample].
struct Recording {
  std::vector<std::vector<float>> channels;
  int sample_rate_hz = 0;
};

// Reads a whole WAV file. Raises AudioNotFoundError; AudioError, also on a file that ends a frame or more before its
// header says so: otherwise half a recording would look like a whole one.
FASTCTC_API Recording read_wav(const std::string& path);
// The mean of all channels. Raises OptionError if there are none, or if their lengths differ.
FASTCTC_API std::vector<float> mix(const Recording& recording);

}  // namespace fastctc
