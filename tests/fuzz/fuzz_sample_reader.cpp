// Any bytes as a WAV file, in any pieces: samples, the same however they are split, or an AudioError.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "fastctc/error.h"
#include "fastctc/sample_reader.h"

namespace {

// Whether it was read.
bool read(const char* bytes, std::size_t size, std::size_t piece, std::vector<float>& samples) {
  fastctc::SampleReader reader;
  try {
    for (std::size_t at = 0; at < size; at += piece) reader.push(bytes + at, std::min(piece, size - at), samples);
    reader.finish(samples);
  } catch (const fastctc::AudioError&) {
    return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // The copy has no byte to spare, so that a read past the end is seen.
  const std::vector<char> bytes(data, data + size);
  std::vector<float> whole;
  std::vector<float> split;
  const bool is_read = read(bytes.data(), size, size, whole);
  if (read(bytes.data(), size, 1 + data[size - 1] % 32, split) != is_read) std::abort();
  const bool equal = whole.size() == split.size() &&
                     (whole.empty() || std::memcmp(whole.data(), split.data(), whole.size() * sizeof(float)) == 0);
  if (is_read && !equal) std::abort();
  return 0;
}
