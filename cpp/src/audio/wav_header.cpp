#include "audio/wav_header.h"

#include <algorithm>
#include <iterator>

#include "audio/sample_format.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

// A writer that could not know the length leaves 0, all ones, or a signed maximum (SoX and arecord round it down).
constexpr std::uint64_t kUnknownSize = 0x7FFFF000;
constexpr std::uint64_t kMaxFormatBytes = 4096;
constexpr int kMaxChannels = 1024;
constexpr std::uint32_t kMinRateHz = 1000;
constexpr std::uint32_t kMaxRateHz = 768000;

std::uint64_t integer(const std::string& bytes, std::size_t at, std::size_t n_bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < n_bytes; ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  }
  return value;
}

bool is_chunk_id(const std::string& bytes, std::size_t at) {
  return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                     bytes.begin() + static_cast<std::ptrdiff_t>(at + 4), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// What the first bytes of other formats say.
std::string what_it_is(const std::string& head) {
  static constexpr struct {
    const char* magic;
    const char* name;
  } kKnown[] = {{"fLaC", "FLAC"},
                {"OggS", "Ogg"},
                {"ID3", "MP3"},
                {"RIFX", "a big-endian WAV file (RIFX)"},
                {"FORM", "an AIFF"},
                {".snd", "an AU"},
                {"\x1a\x45\xdf\xa3", "WebM or Matroska"}};
  for (const auto& known : kKnown) {
    if (head.rfind(known.magic, 0) == 0) return std::string("It is ") + known.name + ". Convert it to WAV first.";
  }
  return "It doesn't start as one. Give raw samples by their encoding.";
}

[[noreturn]] void refuse_tag(std::uint64_t tag, std::uint64_t n_bits) {
  static constexpr struct {
    std::uint64_t tag;
    const char* name;
  } kKnown[] = {{2, "Microsoft ADPCM"}, {0x11, "IMA ADPCM"}, {0x31, "GSM 6.10"}, {0x50, "MPEG"}, {0x55, "MP3"},
                {0x45, "G.726"},        {0x64, "G.726"},     {0x65, "G.722"},    {0xFF, "AAC"}};
  std::string name = "format " + std::to_string(tag);
  for (const auto& known : kKnown) {
    if (known.tag == tag) name = known.name;
  }
  throw AudioError("The WAV file holds " + name + " of " + std::to_string(n_bits) +
                   " bits; fastctc reads PCM of 8, 16, 24, 32 bits, float of 32, 64 bits, mu-law and A-law. Convert it "
                   "to one of these.");
}

SampleEncoding encoding_of(std::uint64_t tag, std::uint64_t n_bits, std::size_t n_bytes) {
  if (tag == 1 && n_bytes == (n_bits + 7) / 8) {
    if (n_bytes == 1) return SampleEncoding::u8;
    if (n_bytes == 2) return SampleEncoding::s16le;
    if (n_bytes == 3) return SampleEncoding::s24le;
    if (n_bytes == 4) return SampleEncoding::s32le;
  }
  if (tag == 3 && n_bits == 32 && n_bytes == 4) return SampleEncoding::f32le;
  if (tag == 3 && n_bits == 64 && n_bytes == 8) return SampleEncoding::f64le;
  if (tag == 6 && n_bytes == 1) return SampleEncoding::alaw;
  if (tag == 7 && n_bytes == 1) return SampleEncoding::mulaw;
  refuse_tag(tag, n_bits);
}

// The last 12 bytes of the identifiers that WAVE_FORMAT_EXTENSIBLE makes of plain format tags.
constexpr char kGuidTail[] = "\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71";

SampleFormat format_of(const std::string& chunk) {
  if (chunk.size() < 16) throw AudioError("The WAV file's fmt chunk is shorter than 16 bytes.");
  std::uint64_t tag = integer(chunk, 0, 2);
  const std::uint64_t n_channels = integer(chunk, 2, 2);
  const std::uint64_t rate_hz = integer(chunk, 4, 4);
  const std::uint64_t frame_bytes = integer(chunk, 12, 2);
  const std::uint64_t n_bits = integer(chunk, 14, 2);
  if (tag == 0xFFFE) {
    if (chunk.size() < 40 || chunk.compare(30, 10, kGuidTail, 10) != 0) {
      throw AudioError("The WAV file's WAVE_FORMAT_EXTENSIBLE names a format that fastctc doesn't know.");
    }
    tag = integer(chunk, 24, 2);
  }
  if (n_channels < 1 || n_channels > kMaxChannels) {
    throw AudioError("The WAV file claims " + std::to_string(n_channels) + " channels.");
  }
  if (rate_hz < kMinRateHz || rate_hz > kMaxRateHz) {
    throw AudioError("The WAV file claims a rate of " + std::to_string(rate_hz) + " Hz; there are 1000 to 768000.");
  }
  if (frame_bytes == 0 || frame_bytes % n_channels != 0) {
    throw AudioError("The WAV file claims frames of " + std::to_string(frame_bytes) + " bytes for " +
                     std::to_string(n_channels) + " channels.");
  }
  SampleFormat format;
  format.encoding = encoding_of(tag, n_bits, static_cast<std::size_t>(frame_bytes / n_channels));
  format.n_channels = static_cast<int>(n_channels);
  format.sample_rate_hz = static_cast<int>(rate_hz);
  return format;
}

}  // namespace

std::optional<bool> looks_like_a_chunk(const std::string& bytes) {
  // Samples may be letters by chance: only what programs do write behind the audio counts.
  static constexpr const char* kKnown[] = {"LIST", "fact", "cue ", "bext", "PEAK", "smpl", "inst", "JUNK",
                                           "junk", "PAD ", "iXML", "id3 ", "ID3 ", "plst", "FLLR", "note"};
  if (bytes.size() < 8) return std::nullopt;
  return std::any_of(std::begin(kKnown), std::end(kKnown),
                     [&](const char* id) { return bytes.compare(0, 4, id) == 0; });
}

const char* WavHeaderParser::expected() const {
  if (!has_riff_) return "its first 12 bytes";
  return has_format_ ? "its audio (the data chunk)" : "its format (the fmt chunk)";
}

std::optional<WavHeader> WavHeaderParser::parse(std::string& buffer) {
  if (!has_riff_) {
    if (buffer.size() < 12) return std::nullopt;
    const std::string kind = buffer.substr(0, 4);
    if ((kind != "RIFF" && kind != "RF64" && kind != "BW64") || buffer.compare(8, 4, "WAVE") != 0) {
      throw AudioError("This is no WAV file. " + what_it_is(buffer));
    }
    buffer.erase(0, 12);
    has_riff_ = true;
  }
  std::optional<WavHeader> header;
  while (!header && parse_chunk(buffer, header)) {
  }
  return header;
}

// Returns whether it consumed bytes.
bool WavHeaderParser::parse_chunk(std::string& buffer, std::optional<WavHeader>& header) {
  const std::size_t n_drop = static_cast<std::size_t>(std::min<std::uint64_t>(n_skip_bytes_, buffer.size()));
  buffer.erase(0, n_drop);
  n_skip_bytes_ -= n_drop;
  if (n_skip_bytes_ > 0 || buffer.size() < 8) return false;
  if (!is_chunk_id(buffer, 0)) throw AudioError("The WAV file is damaged: no chunk stands where one must.");
  const std::string id = buffer.substr(0, 4);
  const std::uint64_t size = integer(buffer, 4, 4);
  if (id == "data") {
    if (!has_format_) throw AudioError("The WAV file's audio comes before its format (the fmt chunk).");
    header_.zero = size == 0;
    header_.n_data_bytes = size == 0xFFFFFFFF && n_data_bytes_64_ ? *n_data_bytes_64_ : size;
    header_.to_the_end = !n_data_bytes_64_ && size >= kUnknownSize;
    buffer.erase(0, 8);
    header = header_;
    return true;
  }
  if (id != "fmt " && id != "ds64") {
    buffer.erase(0, 8);
    n_skip_bytes_ = size + size % 2;
    return true;
  }
  if (size > kMaxFormatBytes) throw AudioError("The WAV file is damaged: its " + id + " chunk is absurdly long.");
  if (buffer.size() < 8 + size + size % 2) return false;
  const std::string chunk = buffer.substr(8, static_cast<std::size_t>(size));
  buffer.erase(0, static_cast<std::size_t>(8 + size + size % 2));
  if (id == "fmt ") {
    header_.format = format_of(chunk);
    has_format_ = true;
  } else if (chunk.size() >= 16) {
    n_data_bytes_64_ = integer(chunk, 8, 8);
  }
  return true;
}

}  // namespace fastctc
