#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "fastctc/error.h"
#include "fastctc/sample_reader.h"
#include "temporary_directory.h"

using namespace fastctc;

namespace {

std::string little(std::uint64_t value, int n_bytes) {
  std::string bytes;
  for (int i = 0; i < n_bytes; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}

std::string chunk(const std::string& id, const std::string& content, std::uint64_t size) {
  return id + little(size, 4) + content + (content.size() % 2 ? std::string(1, '\0') : "");
}
std::string chunk(const std::string& id, const std::string& content) { return chunk(id, content, content.size()); }

std::string format(int tag, int n_channels, int rate_hz, int n_bits) {
  const int frame_bytes = n_channels * ((n_bits + 7) / 8);
  return little(tag, 2) + little(n_channels, 2) + little(rate_hz, 4) + little(rate_hz * frame_bytes, 4) +
         little(frame_bytes, 2) + little(n_bits, 2);
}

std::string riff(const std::string& chunks) { return "RIFF" + little(4 + chunks.size(), 4) + "WAVE" + chunks; }

std::vector<float> read(const std::string& bytes, std::size_t piece, SampleReader* reader) {
  std::vector<float> samples;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const std::string part = bytes.substr(at, piece);
    reader->push(part.data(), part.size(), samples);
  }
  reader->finish(samples);
  return samples;
}

std::vector<float> read(const std::string& bytes) {
  SampleReader whole;
  const std::vector<float> samples = read(bytes, bytes.size(), &whole);
  for (const std::size_t piece : {1u, 3u, 7u, 64u}) {
    SampleReader reader;
    CHECK(read(bytes, piece, &reader) == samples);
    CHECK(reader.format().sample_rate_hz == whole.format().sample_rate_hz);
    CHECK(reader.n_missing_bytes() == whole.n_missing_bytes());
    CHECK(reader.n_rest_bytes() == whole.n_rest_bytes());
  }
  return samples;
}

const std::string kSixteen = little(0x8000, 2) + little(0, 2) + little(0x4000, 2) + little(0xffff, 2);
const std::vector<float> kSixteenSamples = {-1.0f, 0.0f, 0.5f, -1.0f / 32768};

}  // namespace

TEST_CASE("WAV files of every width are read, however they are split") {
  CHECK(read(riff(chunk("fmt ", format(1, 1, 16000, 16)) + chunk("data", kSixteen))) == kSixteenSamples);
  CHECK(read(riff(chunk("fmt ", format(1, 1, 8000, 8)) + chunk("data", little(0x00c08001, 4)))) ==
        std::vector<float>{-127.0f / 128, 0.0f, 0.5f, -1.0f});
  CHECK(read(riff(chunk("fmt ", format(1, 1, 8000, 24)) + chunk("data", little(0x400000800000, 6)))) ==
        std::vector<float>{-1.0f, 0.5f});
  CHECK(read(riff(chunk("fmt ", format(1, 2, 8000, 32)) + chunk("data", little(0xc000000040000000, 8)))) ==
        std::vector<float>{0.5f, -0.5f});
  const float single = 0.1f;
  const double twice = -0.25;
  CHECK(read(riff(chunk("fmt ", format(3, 1, 8000, 32)) +
                  chunk("data", std::string(reinterpret_cast<const char*>(&single), 4)))) == std::vector<float>{0.1f});
  CHECK(read(riff(chunk("fmt ", format(3, 1, 8000, 64)) +
                  chunk("data", std::string(reinterpret_cast<const char*>(&twice), 8)))) == std::vector<float>{-0.25f});
}

TEST_CASE("mu-law and A-law as G.711 has them") {
  const std::string codes = {'\x00', '\x7f', '\x80', '\xff'};
  CHECK(read(riff(chunk("fmt ", format(7, 1, 8000, 8)) + chunk("data", codes))) ==
        std::vector<float>{-32124.0f / 32768, 0.0f, 32124.0f / 32768, 0.0f});
  CHECK(read(riff(chunk("fmt ", format(6, 1, 8000, 8)) + chunk("data", codes))) ==
        std::vector<float>{-5504.0f / 32768, -848.0f / 32768, 5504.0f / 32768, 848.0f / 32768});
}

TEST_CASE("chunks around the audio, odd ones and extensible formats don't disturb") {
  const std::string guid = little(1, 2) + std::string("\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71", 14);
  const std::string extensible = format(0xfffe, 1, 16000, 16) + little(22, 2) + little(16, 2) + little(4, 4) + guid;
  const std::string file = riff(chunk("JUNK", "odd") + chunk("fmt ", extensible) +
                                chunk("LIST", std::string(500, 'x')) + chunk("data", kSixteen) + chunk("id3 ", "more"));
  CHECK(read(file) == kSixteenSamples);
  const std::string unknown = format(0xfffe, 1, 16000, 16) + little(22, 2) + std::string(22, '\1');
  CHECK_THROWS_AS(read(riff(chunk("fmt ", unknown) + chunk("data", kSixteen))), AudioError);
}

TEST_CASE("a size that the writer never knew runs to the end") {
  const std::string head = chunk("fmt ", format(1, 1, 16000, 16));
  for (const std::uint64_t size : {0xffffffffull, 0x7ffffff0ull, 0ull}) {
    CHECK(read(riff(head + chunk("data", kSixteen, size))) == kSixteenSamples);
  }
  CHECK(read(riff(head + chunk("data", ""))).empty());                          // nothing behind it
  CHECK(read(riff(head + chunk("data", "") + chunk("LIST", "abcd"))).empty());  // meant as it says
  CHECK(read(riff(head + chunk("data", kSixteen.substr(0, 4), 0))) == std::vector<float>{-1.0f, 0.0f});
  const std::string ds64 = chunk("ds64", little(0, 8) + little(4, 8) + little(2, 8) + little(0, 4));
  std::string large = riff(ds64 + head + chunk("data", kSixteen, 0xffffffff));
  CHECK(read(large.replace(0, 4, "RF64")) == std::vector<float>{-1.0f, 0.0f});
}

TEST_CASE("what was cut off is told") {
  SampleReader reader;
  const std::string file = riff(chunk("fmt ", format(1, 1, 16000, 16)) + chunk("data", kSixteen + "xy", 100));
  CHECK(read(file.substr(0, file.size() - 1), 5, &reader) == kSixteenSamples);
  CHECK(reader.n_rest_bytes() == 1);
  CHECK(reader.n_missing_bytes() == 91);
  CHECK(reader.is_cut_off());
  CHECK(reader.n_frames() == 4);
  const TemporaryDirectory directory;
  CHECK_THROWS_WITH_AS(read_wav(directory.write("cut.wav", file)), doctest::Contains("was cut off"), AudioError);
}

TEST_CASE("less than a frame that is missing cuts nothing off") {
  for (const std::uint64_t n_missing : {0, 3, 4}) {
    SampleReader reader;
    read(riff(chunk("fmt ", format(1, 2, 16000, 16)) + chunk("data", kSixteen, kSixteen.size() + n_missing)), 5,
         &reader);
    CHECK(reader.n_missing_bytes() == n_missing);
    CHECK(reader.is_cut_off() == (n_missing == 4));
    CHECK(reader.n_frames() == 2);
    reader.reset();
    CHECK(reader.n_frames() == 0);
    CHECK(!reader.is_cut_off());
  }
}

TEST_CASE("what is no such file is named") {
  const auto message = [](const std::string& bytes) -> std::string {
    SampleReader reader;
    std::vector<float> samples;
    try {
      reader.push(bytes.data(), bytes.size(), samples);
      reader.finish(samples);
    } catch (const AudioError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(message("fLaC............").find("FLAC") != std::string::npos);
  CHECK(message("OggS............").find("Ogg") != std::string::npos);
  CHECK(message("RIFX....WAVE....").find("big-endian") != std::string::npos);
  CHECK(message("RIFF").find("first 12 bytes") != std::string::npos);
  CHECK(message(riff("")).find("format") != std::string::npos);
  CHECK(message(riff(chunk("fmt ", format(1, 1, 16000, 16)))).find("audio") != std::string::npos);
  CHECK(message(riff(chunk("data", kSixteen))).find("before its format") != std::string::npos);
  CHECK(message(riff(chunk("fmt ", format(0x11, 1, 16000, 4)))).find("IMA ADPCM") != std::string::npos);
  CHECK(message(riff(chunk("fmt ", format(1, 1, 16000, 12) + "x"))).find("fmt") == std::string::npos);
  CHECK(message(riff(chunk("fmt ", format(1, 0, 16000, 16)))).find("0 channels") != std::string::npos);
  CHECK(message(riff(chunk("fmt ", format(1, 1, 5, 16)))).find("5 Hz") != std::string::npos);
  CHECK(message(riff(chunk("fmt ", "short"))).find("shorter") != std::string::npos);
  CHECK(message(riff(chunk("fmt ", "", 1 << 20))).find("absurdly") != std::string::npos);
  CHECK(message(riff("\x01\x02\x03\x04\x05\x06\x07\x08")).find("damaged") != std::string::npos);
  CHECK_THROWS_AS(read_wav("no such file.wav"), AudioNotFoundError);
  CHECK_THROWS_AS(read_wav(std::filesystem::temp_directory_path().u8string()), AudioError);
}

TEST_CASE("raw samples") {
  SampleFormat stereo;
  stereo.n_channels = 2;
  SampleReader reader(stereo);
  std::vector<float> samples;
  CHECK(reader.has_format());
  reader.push(kSixteen.data(), 3, samples);
  CHECK(samples.empty());
  reader.push(kSixteen.data() + 3, 5, samples);
  CHECK(samples == kSixteenSamples);
  reader.push(kSixteen.data(), 1, samples);
  reader.finish(samples);
  CHECK(reader.n_rest_bytes() == 1);
  CHECK_THROWS_AS(reader.push(kSixteen.data(), 1, samples), AudioError);
  reader.reset();
  reader.push(kSixteen.data(), 4, samples);
  CHECK(samples.size() == 6);
  stereo.n_channels = 0;
  CHECK_THROWS_AS(SampleReader{stereo}, OptionError);
  CHECK(sample_encoding("mulaw") == SampleEncoding::mulaw);
  CHECK_THROWS_WITH_AS(sample_encoding("s16"), doctest::Contains("s16le"), OptionError);
}

TEST_CASE("interleaved samples to channels") {
  CHECK(deinterleave({0.0f, 0.1f, 0.2f, 0.3f}, 2) == std::vector<std::vector<float>>{{0.0f, 0.2f}, {0.1f, 0.3f}});
  CHECK(deinterleave({}, 2) == std::vector<std::vector<float>>(2));
  CHECK_THROWS_AS(deinterleave({0.0f}, 2), OptionError);
  CHECK_THROWS_AS(deinterleave({}, 0), OptionError);
}

TEST_CASE("a mix is the mean") {
  CHECK(mix({{{0.5f, 1.0f}, {0.25f, -1.0f}}, 8000}) == std::vector<float>{0.375f, 0.0f});
  CHECK_THROWS_AS(mix({}), OptionError);
  CHECK_THROWS_AS(mix({{{0.5f}, {}}, 8000}), OptionError);
}
