// The chunks of a WAV file in front of its samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "fastctc/sample_reader.h"

namespace fastctc {

struct WavHeader {
  SampleFormat format;
  std::uint64_t n_data_bytes = 0;  // as promised
  bool to_the_end = false;         // the size is one that stands for an unknown one
  bool zero = false;               // a size of 0: it may be meant, or stand for an unknown one
};

// Parses the start of a file. Nothing where more bytes are needed: then consumes what it can do without, and says how
// many further bytes may be dropped unread.
class WavHeaderParser {
 public:
  // Takes bytes from the front of `buffer`, and erases them. Raises AudioError.
  std::optional<WavHeader> parse(std::string& buffer);
  // What is wanted next, for the message when the bytes end here.
  const char* expected() const;

 private:
  bool parse_chunk(std::string& buffer, std::optional<WavHeader>& header);

  bool has_riff_ = false;
  bool has_format_ = false;
  std::uint64_t n_skip_bytes_ = 0;  // the rest of a chunk of no interest
  std::optional<std::uint64_t> n_data_bytes_64_;
  WavHeader header_;
};

// Whether bytes that follow a data chunk of size 0 are further chunks, not samples. Fewer than eight: unknown.
std::optional<bool> looks_like_a_chunk(const std::string& bytes);

}  // namespace fastctc
