#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "audio/dot_product.h"
#include "fastctc/audio.h"
#include "fastctc/error.h"

namespace {

using fastctc::AudioError;
using fastctc::OptionError;
using fastctc::Resampler;

constexpr double pi = 3.14159265358979323846;
// Exact tables, equal rates, and ratios whose phases are interpolated.
const std::vector<std::pair<int, int>> rate_pairs = {
    {8000, 16000},  {11025, 16000}, {22050, 16000}, {44100, 16000}, {48000, 16000},  {16000, 8000},  {16000, 44100},
    {16000, 16000}, {44101, 16000}, {16000, 44101}, {7999, 8000},   {383999, 16000}, {768000, 1000}, {1000, 96001}};

std::vector<float> noise(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> samples(n);
  for (float& sample : samples) sample = float(random() % 65536) / 32768.0f - 1.0f;
  return samples;
}

std::vector<float> tone(std::size_t n, double frequency_hz, int rate_hz) {
  std::vector<float> samples(n);
  for (std::size_t i = 0; i < n; ++i) samples[i] = float(std::sin(2 * pi * frequency_hz * double(i) / rate_hz));
  return samples;
}

std::vector<float> resample(const std::vector<float>& samples, int input_rate_hz, int output_rate_hz) {
  fastctc::AudioView view;
  view.samples = samples.data();
  view.n_samples = samples.size();
  view.sample_rate_hz = input_rate_hz;
  return fastctc::resample(view, output_rate_hz);
}

// Pieces of random length, empty ones among them.
std::vector<float> resample_in_pieces(Resampler& resampler, const std::vector<float>& samples, std::size_t longest,
                                      unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> output;
  for (std::size_t done = 0; done < samples.size();) {
    const std::size_t n = std::min<std::size_t>(random() % (longest + 1), samples.size() - done);
    resampler.push(samples.data() + done, n, output);
    done += n;
  }
  resampler.finish(output);
  return output;
}

template <typename Error, typename Function>
std::string message_of(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("resample gives ceil(n * out / in) samples") {
  for (const auto& rates : rate_pairs) {
    for (const std::size_t n : {0, 1, 2, 3, 7, 127, 128, 129, 255, 1000, 8191, 8192, 8193}) {
      CAPTURE(rates.first);
      CAPTURE(rates.second);
      CAPTURE(n);
      const std::size_t in = std::size_t(rates.first), out = std::size_t(rates.second);
      CHECK(resample(noise(n, 1), rates.first, rates.second).size() == (n * out + in - 1) / in);
    }
  }
}

TEST_CASE("any split gives the same bits as one shot") {
  for (const auto& rates : rate_pairs) {
    const std::vector<float> samples = noise(20000, 2);
    const std::vector<float> expected = resample(samples, rates.first, rates.second);
    Resampler resampler(rates.first, rates.second);
    for (const std::size_t longest : {3, 200, 9000, 20000}) {
      CAPTURE(rates.first);
      CAPTURE(rates.second);
      CAPTURE(longest);
      CHECK(resample_in_pieces(resampler, samples, longest, unsigned(longest)) == expected);
      resampler.reset();
    }
  }
}

TEST_CASE("equal rates copy") {
  const std::vector<float> samples = noise(1000, 3);
  CHECK(resample(samples, 16000, 16000) == samples);
}

TEST_CASE("a tone of the pass band stays where and as loud as it was") {
  for (const auto& rates : rate_pairs) {
    const double lower = std::min(rates.first, rates.second), seconds = 400 / lower;
    const double frequency_hz = 0.9 * lower / 2;
    const auto samples = tone(std::size_t(seconds * rates.first), frequency_hz, rates.first);
    const auto output = resample(samples, rates.first, rates.second);
    const auto expected = tone(output.size(), frequency_hz, rates.second);
    const std::size_t edge = std::size_t(std::ceil(70 / lower * rates.second));
    REQUIRE(output.size() > 2 * edge);
    float worst = 0;
    for (std::size_t i = edge; i + edge < output.size(); ++i)
      worst = std::max(worst, std::abs(output[i] - expected[i]));
    CAPTURE(rates.first);
    CAPTURE(rates.second);
    CHECK(worst < 5e-5f);  // 0.05 dB would be 6e-3
  }
}

TEST_CASE("a tone above the lower Nyquist frequency is gone") {
  for (const auto& rates : rate_pairs) {
    if (rates.first <= rates.second) continue;
    const double frequency_hz = 1.001 * rates.second / 2;
    const auto output =
        resample(tone(std::size_t(rates.first) / 2, frequency_hz, rates.first), rates.first, rates.second);
    float worst = 0;
    for (std::size_t i = 70; i + 70 < output.size(); ++i) worst = std::max(worst, std::abs(output[i]));
    CAPTURE(rates.first);
    CHECK(worst < 3.16e-5f);  // -90 dB
  }
}

TEST_CASE("samples that are not finite are refused by index, and nothing of that push is taken") {
  const std::vector<float> samples = noise(500, 4);
  for (const auto& rates : {std::make_pair(8000, 16000), std::make_pair(16000, 16000)}) {
    Resampler resampler(rates.first, rates.second);
    std::vector<float> output;
    resampler.push(samples.data(), 300, output);
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
      std::vector<float> broken(samples.begin() + 300, samples.end());
      broken[17] = broken[50] = bad;
      const std::string message = message_of<AudioError>([&] { resampler.push(broken.data(), broken.size(), output); });
      CAPTURE(message);
      CHECK(message.find("Sample 317 is ") == 0);
    }
    resampler.push(samples.data() + 300, 200, output);
    resampler.finish(output);
    CHECK(output == resample(samples, rates.first, rates.second));
  }
}

TEST_CASE("a finished resampler refuses more until it is reset") {
  for (const int rate_hz : {8000, 16000}) {
    const std::vector<float> samples = noise(100, 5);
    Resampler resampler(rate_hz, 16000);
    std::vector<float> first, second;
    resampler.push(samples.data(), samples.size(), first);
    resampler.finish(first);
    CHECK_THROWS_AS(resampler.push(samples.data(), 1, second), AudioError);
    CHECK_THROWS_AS(resampler.finish(second), AudioError);
    CHECK(second.empty());
    resampler.reset();
    resampler.push(samples.data(), samples.size(), second);
    resampler.finish(second);
    CHECK(second == first);
  }
}

TEST_CASE("absurd rates and a null pointer are named errors") {
  for (const int rate_hz : {-16000, 0, 999, 768001}) {
    CHECK_THROWS_AS(Resampler(rate_hz, 16000), OptionError);
    CHECK_THROWS_AS(Resampler(16000, rate_hz), OptionError);
    CHECK_THROWS_AS(resample({0.0f}, rate_hz, 16000), OptionError);
    const std::string message = message_of<OptionError>([&] { Resampler(16000, rate_hz); });
    CHECK(message.find("output rate is " + std::to_string(rate_hz)) != std::string::npos);
  }
  Resampler resampler(8000, 16000);
  std::vector<float> output;
  CHECK_THROWS_AS(resampler.push(nullptr, 1, output), AudioError);
  resampler.push(nullptr, 0, output);
  resampler.finish(output);
  CHECK(output.empty());
}

TEST_CASE("a resampler can be moved in the middle of a signal") {
  const std::vector<float> samples = noise(400, 6);
  std::vector<float> output;
  Resampler source(44100, 16000);
  source.push(samples.data(), 200, output);
  Resampler target(std::move(source));
  target.push(samples.data() + 200, 200, output);
  target.finish(output);
  CHECK(output == resample(samples, 44100, 16000));
}

TEST_CASE("every dot product gives the same bits") {
  const fastctc::DotProduct& best = fastctc::dot_product();
  const fastctc::DotProduct& baseline = fastctc::dot_product_baseline;
  for (const std::size_t n : {16, 32, 128, 368}) {
    const std::vector<float> taps = noise(n, 7), samples = noise(n + 3 * 5, 8);
    float sums[4], expected[4];
    best.four(taps.data(), samples.data(), 5, n, sums);
    baseline.four(taps.data(), samples.data(), 5, n, expected);
    double exact = 0;
    for (std::size_t j = 0; j < n; ++j) exact += double(taps[j]) * double(samples[j]);
    CHECK(double(sums[0]) == doctest::Approx(exact).epsilon(1e-5));
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(sums[i] == expected[i]);
      CHECK(sums[i] == best.one(taps.data(), samples.data() + 5 * i, n));
    }
  }
}
