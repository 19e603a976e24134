#include "audio/sample_format.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "fastctc/error.h"

namespace fastctc {
namespace {

using Table = std::array<float, 256>;

// ITU-T G.711, table 2a: a code's complement is sign, 3 bits of exponent, 4 of mantissa; 14 bits, here in 16.
Table make_mulaw() {
  Table table{};
  for (int code = 0; code < 256; ++code) {
    const int bits = ~code & 0xff;
    const int magnitude = ((((bits & 15) * 2 + 33) << ((bits >> 4) & 7)) - 33) * 4;
    table[static_cast<std::size_t>(code)] = static_cast<float>((bits & 0x80) != 0 ? -magnitude : magnitude) / 32768.0f;
  }
  return table;
}

// ITU-T G.711, table 1a: even bits are inverted; sign (1 is positive), 3 bits of exponent, 4 of mantissa; 13 bits.
Table make_alaw() {
  Table table{};
  for (int code = 0; code < 256; ++code) {
    const int bits = code ^ 0x55;
    const int exponent = (bits >> 4) & 7;
    const int mantissa = (bits & 15) * 2 + 1;
    const int magnitude = (exponent == 0 ? mantissa : (mantissa + 32) << (exponent - 1)) * 8;
    table[static_cast<std::size_t>(code)] = static_cast<float>((bits & 0x80) != 0 ? magnitude : -magnitude) / 32768.0f;
  }
  return table;
}

// The value of n little-endian bytes, its highest bit moved to the top: signed, whatever n.
std::int32_t top_bits(const unsigned char* bytes, std::size_t n_bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < n_bytes; ++i) value |= std::uint32_t{bytes[i]} << (8 * (4 - n_bytes + i));
  std::int32_t result = 0;
  std::memcpy(&result, &value, sizeof result);
  return result;
}

template <class Float, class Integer>
float from_bits(const unsigned char* bytes) {
  Integer bits = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) bits |= Integer{bytes[i]} << (8 * i);
  Float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return static_cast<float>(value);
}

float value_of(SampleEncoding encoding, const unsigned char* bytes) {
  static const Table mulaw = make_mulaw();
  static const Table alaw = make_alaw();
  switch (encoding) {
    case SampleEncoding::u8:
      return static_cast<float>(int{*bytes} - 128) / 128.0f;
    case SampleEncoding::s16le:
    case SampleEncoding::s24le:
    case SampleEncoding::s32le:
      return static_cast<float>(top_bits(bytes, bytes_of(encoding)) / 2147483648.0);
    case SampleEncoding::f32le:
      return from_bits<float, std::uint32_t>(bytes);
    case SampleEncoding::f64le:
      return from_bits<double, std::uint64_t>(bytes);
    case SampleEncoding::mulaw:
      return mulaw[*bytes];
    case SampleEncoding::alaw:
      break;
  }
  return alaw[*bytes];
}

}  // namespace

std::size_t bytes_of(SampleEncoding encoding) {
  switch (encoding) {
    case SampleEncoding::s16le:
      return 2;
    case SampleEncoding::s24le:
      return 3;
    case SampleEncoding::s32le:
    case SampleEncoding::f32le:
      return 4;
    case SampleEncoding::f64le:
      return 8;
    default:
      return 1;
  }
}

void convert(SampleEncoding encoding, const unsigned char* bytes, std::size_t n_values, std::vector<float>& samples) {
  const std::size_t width = bytes_of(encoding);
  for (std::size_t i = 0; i < n_values; ++i) samples.push_back(value_of(encoding, bytes + i * width));
}

SampleEncoding sample_encoding(const std::string& name) {
  static constexpr const char* kNames[] = {"u8", "s16le", "s24le", "s32le", "f32le", "f64le", "mulaw", "alaw"};
  std::string list;
  for (int i = 0; i < 8; ++i) {
    if (name == kNames[i]) return static_cast<SampleEncoding>(i);
    list += (i == 0 ? "" : ", ") + std::string(kNames[i]);
  }
  throw OptionError("There is no encoding of samples '" + name + "'; there are " + list + ".");
}

}  // namespace fastctc
