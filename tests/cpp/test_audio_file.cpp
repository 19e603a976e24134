// What FileAudioSource of the SPL toolkit reads.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "AudioFile.h"

using namespace com::teracloud::streamsx::stt;

namespace {

std::string path(const std::string& name) { return std::string(FASTCTC_TEST_DATA) + "/speech/" + name + ".wav"; }

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
  CHECK(arrange(channels, channel_mode("mix")) == Channels{{0.0f, 0.5f}});
  CHECK(arrange(channels, channel_mode("split")) == channels);
  CHECK(arrange(channels, channel_mode("interleave")) == Channels{{0.5f, -0.5f, 0.25f, 0.75f}});
  CHECK_THROWS_AS(channel_mode("both"), fastctc::OptionError);
}

TEST_CASE("what is no WAV file is an error") {
  CHECK_THROWS_AS(AudioFile(path("none"), 0), fastctc::AudioNotFoundError);
  CHECK_THROWS_AS(AudioFile(std::string(FASTCTC_MODELS) + "/digits/tokens.txt", 0), fastctc::AudioError);
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
