// What FileAudioSource of the SPL toolkit reads.
#include <doctest/doctest.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "AudioFileSource.h"
#include "temporary_directory.h"

using namespace speech_to_text;

namespace {

std::string path(const std::string& name) { return std::string(FASTCTC_TEST_DATA) + "/speech/" + name + ".wav"; }
std::string bytes_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::vector<std::vector<float>> read(const std::string& name, int rate_hz, std::size_t n_samples) {
  AudioFile file(path(name), rate_hz);
  std::vector<std::vector<float>> all(file.n_channels());
  std::vector<std::vector<float>> piece;
  while (file.next(n_samples, piece)) {
    for (std::size_t i = 0; i < all.size(); ++i) all[i].insert(all[i].end(), piece[i].begin(), piece[i].end());
  }
  CHECK(!file.next(n_samples, piece));
  return all;
}

}  // namespace

TEST_CASE("a file in pieces of any size is the file") {
  for (const char* name : {"five-five", "call-two-channels"}) {
    const fastctc::Recording whole = fastctc::read_wav(path(name));
    for (const std::size_t n : {1600, 1601, 1000000}) CHECK(read(name, 0, n) == whole.channels);
    CHECK(read(name, 16000, 999) == whole.channels);
    const std::vector<std::vector<float>> resampled = read(name, 8000, 800);
    for (std::size_t i = 0; i < whole.channels.size(); ++i) {
      CHECK(resampled[i] == fastctc::resample({whole.channels[i].data(), whole.channels[i].size(), 16000}, 8000));
    }
  }
}

TEST_CASE("several channels to one, to each, in turn") {
  const std::vector<std::vector<float>> channels = {{0.5f, 0.25f}, {-0.5f, 0.75f}};
  using Channels = std::vector<std::vector<float>>;
  CHECK(arrange(channels, ChannelMode::mix) == Channels{{0.0f, 0.5f}});
  CHECK(arrange(channels, ChannelMode::split) == channels);
  CHECK(arrange(channels, ChannelMode::interleave) == Channels{{0.5f, -0.5f, 0.25f, 0.75f}});
  CHECK(channel_mode("mix") == ChannelMode::mix);
  CHECK(channel_mode("split") == ChannelMode::split);
  CHECK(channel_mode("interleave") == ChannelMode::interleave);
  CHECK_THROWS_WITH_AS(channel_mode("both"), doctest::Contains("channelMode"), fastctc::OptionError);
}

TEST_CASE("what is no WAV file, or none at all, is an error that names it") {
  CHECK_THROWS_AS(AudioFile(path("none"), 0), fastctc::AudioNotFoundError);
  CHECK_THROWS_AS(AudioFile(std::string(FASTCTC_MODELS) + "/digits/tokens.txt", 0), fastctc::AudioError);
  const TemporaryDirectory directory;
  const std::string whole = bytes_of(path("five-five"));
  CHECK_THROWS_WITH_AS(AudioFile(directory.write("a.wav", ""), 0), doctest::Contains("a.wav: the file is empty."),
                       fastctc::AudioError);
  CHECK_THROWS_WITH_AS(AudioFile(directory.write("b.wav", whole.substr(0, 30)), 0),
                       doctest::Contains("b.wav: The WAV file ends before"), fastctc::AudioError);
}

TEST_CASE("a file that is cut gives what it has, then an error") {
  const TemporaryDirectory directory;
  const std::string whole = bytes_of(path("five-five"));
  const std::pair<std::size_t, const char*> cuts[] = {
      {44, "a header and no audio"}, {whole.size() - 2, "truncated"}, {20001, "truncated"}};
  for (const auto& cut : cuts) {
    AudioFileSourceOptions options;
    options.path = directory.write("cut.wav", whole.substr(0, cut.first));
    AudioFileSource source(options);
    AudioChunks chunks;
    std::size_t n_bytes = 0;
    while (source.next(chunks)) n_bytes += chunks[0].bytes.size();
    CHECK(n_bytes == (cut.first - 44) / 2 * 2);
    CHECK_THROWS_WITH_AS(source.check(), doctest::Contains(cut.second), fastctc::AudioError);
    CHECK_THROWS_WITH_AS(source.check(), doctest::Contains("cut.wav: "), fastctc::AudioError);
  }
  AudioFileSourceOptions options;
  options.path = directory.write("whole.wav", whole);
  AudioFileSource source(options);
  AudioChunks chunks;
  while (source.next(chunks)) {
  }
  CHECK_NOTHROW(source.check());
}

TEST_CASE("chunks say what they are") {
  struct Case {
    const char* name;
    ChannelMode mode;
    std::size_t n_chunks;
    int channel;
    int n_channels;
  };
  const Case cases[] = {
      {"five-five", ChannelMode::mix, 1, 0, 1},           {"five-five", ChannelMode::split, 1, 0, 1},
      {"five-five", ChannelMode::interleave, 1, 0, 1},    {"call-two-channels", ChannelMode::mix, 1, 0, 1},
      {"call-two-channels", ChannelMode::split, 2, 0, 1}, {"call-two-channels", ChannelMode::interleave, 1, -1, 2}};
  for (const Case& one : cases) {
    AudioFileSourceOptions options;
    options.path = path(one.name);
    options.sample_rate_hz = 8000;
    options.chunk_ms = 250;
    options.channel_mode = one.mode;
    AudioFileSource source(options);
    AudioChunks chunks;
    for (const std::uint64_t start_ms : {0, 250, 500}) {
      REQUIRE(source.next(chunks));
      REQUIRE(chunks.size() == one.n_chunks);
      for (std::size_t i = 0; i < chunks.size(); ++i) {
        CHECK(chunks[i].channel == one.channel + static_cast<int>(i));
        CHECK(chunks[i].n_channels == one.n_channels);
        CHECK(chunks[i].sample_rate_hz == 8000);
        CHECK(chunks[i].start_ms == start_ms);
        CHECK(chunks[i].bytes.size() == static_cast<std::size_t>(2 * 2000 * one.n_channels));
      }
    }
    REQUIRE(source.ends().size() == one.n_chunks);
    CHECK(source.ends().back().bytes.empty());
    CHECK(source.ends().back().channel == chunks.back().channel);
  }
  AudioFileSourceOptions options;
  options.path = path("call-two-channels");
  options.channel_mode = ChannelMode::interleave;
  options.chunk_bytes = 3200;
  AudioFileSource source(options);
  AudioChunks chunks;
  REQUIRE(source.next(chunks));
  CHECK(chunks[0].bytes.size() == 3200);
  CHECK(source.read_s() == doctest::Approx(0.05));
  options.n_channels = 1;
  CHECK_THROWS_WITH_AS(AudioFileSource{options}, doctest::Contains("channelCount is 1, the file has 2"),
                       fastctc::AudioError);
  options.n_channels = 2;
  CHECK_NOTHROW(AudioFileSource{options});
  options.bits_per_sample = 8;
  CHECK_THROWS_WITH_AS(AudioFileSource{options}, doctest::Contains("bitsPerSample"), fastctc::OptionError);
  options.bits_per_sample = 16;
  options.chunk_ms = 0;
  CHECK_THROWS_WITH_AS(AudioFileSource{options}, doctest::Contains("chunkMs"), fastctc::OptionError);
}

TEST_CASE("samples to 16 bits and channels from pieces of any size") {
  CHECK(to_pcm16({0.0f, 1.0f, -1.0f, 2.0f, -2.0f, 1.0f / 32768}) ==
        std::string("\0\0\xff\x7f\0\x80\xff\x7f\0\x80\x01\0", 12));
  const std::string bytes = "aabbccddeeff";
  for (std::size_t n = 1; n <= bytes.size(); ++n) {
    std::string rest;
    std::string left;
    std::string right;
    for (std::size_t begin = 0; begin < bytes.size(); begin += n) {
      const std::vector<std::string> split = split_pcm16(bytes.substr(begin, n), 2, rest);
      left += split[0];
      right += split[1];
    }
    CHECK(left == "aaccee");
    CHECK(right == "bbddff");
    CHECK(rest.empty());
  }
}
