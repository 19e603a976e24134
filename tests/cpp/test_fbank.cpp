#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <complex>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fastctc/error.h"
#include "fastctc/frontend.h"
#include "frontend/aligned_vector.h"
#include "frontend/fbank_kernel_choice.h"
#include "frontend/fft_plan.h"
#include "frontend/mel_bank.h"
#include "frontend/window.h"

using namespace fastctc;

namespace {

constexpr double kPi = 3.14159265358979323846;

std::vector<InstructionSet> instruction_sets_here() {
  std::vector<InstructionSet> sets;
  for (const InstructionSet set : {InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512}) {
    try {
      frontend::choose_kernel(set);
      sets.push_back(set);
    } catch (const OptionError&) {
    }
  }
  return sets;
}

std::vector<float> noise(std::size_t n, unsigned seed = 7) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, 0.1f);
  std::vector<float> samples(n);
  for (float& sample : samples) sample = normal(generator);
  return samples;
}

Features compute(const FrontendOptions& options, const std::vector<float>& samples) {
  return Frontend(options).compute({samples.data(), samples.size(), 0});
}

// A stream's features, pushed in pieces of at most max_piece samples, taken in pieces of at most max_piece frames.
std::vector<float> stream_features(const Frontend& frontend, const std::vector<float>& samples, std::size_t max_piece,
                                   FrontendStream& stream) {
  std::mt19937 generator(static_cast<unsigned>(max_piece));
  const std::size_t n_features = frontend.n_features(), n_frames = frontend.n_frames(samples.size());
  std::vector<float> features(n_features * n_frames, -1.0f);
  std::size_t n_taken = 0;
  const auto take_all = [&] {
    for (std::size_t ready = stream.n_ready_frames(); ready > 0; ready = stream.n_ready_frames()) {
      const std::size_t n = std::min<std::size_t>(ready, 1 + generator() % max_piece);
      REQUIRE(n_taken + n <= n_frames);
      stream.take(features.data() + n_taken, n, n_frames);
      n_taken += n;
    }
  };
  for (std::size_t at = 0; at < samples.size();) {
    const std::size_t n = std::min<std::size_t>(samples.size() - at, generator() % (max_piece + 1));
    stream.push(samples.data() + at, n);
    at += n;
    if (generator() % 2 == 0) take_all();
  }
  stream.finish();
  take_all();
  CHECK(n_taken == n_frames);
  return features;
}

std::vector<FrontendOptions> varied_options() {
  std::vector<FrontendOptions> all = {frontend_preset("nemo"), frontend_preset("nemo_legacy"),
                                      frontend_preset("kaldi")};
  FrontendOptions options = frontend_preset("kaldi");
  options.framing = Framing::kaldi_round;
  options.use_energy = true;
  options.dither = 1.0;
  options.input_scale = 32768;
  all.push_back(options);
  options.raw_energy = false;
  options.use_log = false;
  options.mag_power = 1.0;
  all.push_back(options);
  options = FrontendOptions();
  options.normalize = Normalize::per_feature;
  options.dither = 1e-5;
  all.push_back(options);
  options.normalize = Normalize::all_features;
  options.n_fft = 420;  // 210 = 2 3 5 7
  options.win_length_samples = 399;
  options.hop_length_samples = 1;
  all.push_back(options);
  options.normalize = Normalize::utterance;
  options.hop_length_samples = 700;
  options.pad_mode = PadMode::reflect;
  all.push_back(options);
  options.normalize = Normalize::fixed;
  options.fixed_mean.assign(80, -5.0f);
  options.fixed_std.assign(80, 3.0f);
  all.push_back(options);
  return all;
}

std::vector<std::complex<double>> naive_dft(const std::vector<double>& points) {
  const std::size_t n = points.size();
  std::vector<std::complex<double>> spectrum(n / 2 + 1);
  for (std::size_t k = 0; k < spectrum.size(); ++k) {
    for (std::size_t i = 0; i < n; ++i) {
      spectrum[k] += std::polar(points[i], -2.0 * kPi * static_cast<double>(k * i % n) / static_cast<double>(n));
    }
  }
  return spectrum;
}

}  // namespace

TEST_CASE("the power spectrum of every lane equals a naive DFT's") {
  std::vector<std::size_t> sizes = {200, 240, 256, 320, 400, 420, 512, 1000, 1024, 2 * 7 * 11, 2 * 127, 2 * 3 * 25 * 7};
  for (std::size_t n_fft = 2; n_fft <= 64; n_fft += 2) sizes.push_back(n_fft);
  for (const InstructionSet set : instruction_sets_here()) {
    const frontend::Kernel& kernel = frontend::choose_kernel(set);
    for (const std::size_t n_fft : sizes) {
      CAPTURE(kernel.name);
      CAPTURE(n_fft);
      const frontend::FftPlan plan(n_fft);
      const frontend::FftTables& tables = plan.tables();
      frontend::AlignedVector buffer(tables.scratch_vectors * kernel.n_lanes);
      std::vector<std::vector<double>> lanes(kernel.n_lanes, std::vector<double>(n_fft));
      std::mt19937 generator(static_cast<unsigned>(n_fft));
      std::uniform_real_distribution<double> uniform(-1.0, 1.0);
      for (std::size_t lane = 0; lane < kernel.n_lanes; ++lane) {
        for (std::size_t i = 0; i < n_fft; ++i) {
          lanes[lane][i] = uniform(generator);
          buffer[i * kernel.n_lanes + lane] = 0.5 * lanes[lane][i];
        }
      }
      kernel.power_spectrum(tables, buffer.data());
      double worst = 0;
      for (std::size_t lane = 0; lane < kernel.n_lanes; ++lane) {
        const auto spectrum = naive_dft(lanes[lane]);
        for (std::size_t k = 0; k <= n_fft / 2; ++k) {
          worst =
              std::max(worst, std::abs(buffer[(2 * tables.n + k) * kernel.n_lanes + lane] - std::norm(spectrum[k])));
        }
      }
      CHECK(worst < 1e-10 * static_cast<double>(n_fft));
    }
  }
}

TEST_CASE("the logarithm is within 1e-9 from the smallest normal number to the largest") {
  for (const InstructionSet set : instruction_sets_here()) {
    const frontend::Kernel& kernel = frontend::choose_kernel(set);
    double worst = 0;
    for (double exponent = -1021.9; exponent < 1023.9; exponent += 0.0137) {
      std::vector<double> in(kernel.n_lanes), out(kernel.n_lanes);
      for (std::size_t lane = 0; lane < in.size(); ++lane)
        in[lane] = std::exp2(exponent + 1e-3 * static_cast<double>(lane));
      kernel.log(in.data(), out.data());
      for (std::size_t lane = 0; lane < in.size(); ++lane)
        worst = std::max(worst, std::abs(out[lane] - std::log(in[lane])));
    }
    CHECK(worst < 1e-9);
  }
}

TEST_CASE("all instruction sets give the same bits") {
  const std::vector<float> samples = noise(16000);
  for (FrontendOptions options : varied_options()) {
    options.instruction_set = InstructionSet::baseline;
    const Features expected = compute(options, samples);
    for (const InstructionSet set : instruction_sets_here()) {
      options.instruction_set = set;
      const Features features = compute(options, samples);
      CHECK(features.values == expected.values);
      CHECK(features.n_valid_frames == expected.n_valid_frames);
    }
  }
}

TEST_CASE("any split gives the frames of one shot, bit for bit") {
  for (const FrontendOptions& options : varied_options()) {
    const Frontend frontend(options);
    FrontendStream stream(frontend);
    for (const std::size_t n : {0, 1, 2, 199, 200, 201, 399, 400, 401, 560, 3333, 20011}) {
      const std::vector<float> samples = noise(n);
      const Features expected = frontend.compute({samples.data(), n, 0});
      for (const std::size_t max_piece : {1, 37, 160, 5000}) {
        if (max_piece == 1 && n > 1000) continue;
        CAPTURE(n);
        CAPTURE(max_piece);
        stream.reset();
        CHECK(stream_features(frontend, samples, max_piece, stream) == expected.values);
      }
    }
  }
}

TEST_CASE("frames come as soon as their samples are there") {
  FrontendStream stream{Frontend(FrontendOptions())};
  const std::vector<float> samples = noise(1000);
  stream.push(samples.data(), 199);
  CHECK(stream.n_ready_frames() == 0);
  stream.push(samples.data(), 1);  // frame 0 covers samples -200 ... 199
  CHECK(stream.n_ready_frames() == 1);
  stream.push(samples.data(), 160);
  CHECK(stream.n_ready_frames() == 2);
  stream.finish();
  CHECK(stream.n_ready_frames() == 2);
}

TEST_CASE("a tone's energy stands in the band of its frequency") {
  const double tone_hz = 440.0;
  std::vector<float> samples(16000);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i] = static_cast<float>(0.3 * std::sin(2 * kPi * tone_hz * static_cast<double>(i) / 16000));
  }
  const FrontendOptions options;
  const Features features = compute(options, samples);
  CHECK(features.n_frames == 100);
  std::size_t loudest = 0;
  for (std::size_t band = 0; band < features.n_features; ++band) {
    if (features.values[band * 100 + 50] > features.values[loudest * 100 + 50]) loudest = band;
  }
  const frontend::MelBank bank = frontend::make_mel_bank(options);
  const double bin = tone_hz / 16000 * 512;
  CHECK(bank.edges[loudest] <= bin + 1);
  CHECK(bank.edges[loudest + 2] >= bin - 1);
}

TEST_CASE("windows have their published values") {
  FrontendOptions options;
  options.win_length_samples = 5;
  const auto check = [&](WindowKind kind, bool periodic, const std::vector<double>& expected) {
    options.window = kind;
    options.window_periodic = periodic;
    const std::vector<double> window = frontend::make_window(options);
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(window[i] == doctest::Approx(expected[i]).epsilon(1e-12));
  };
  check(WindowKind::hann, false, {0, 0.5, 1, 0.5, 0});
  check(WindowKind::hamming, false, {0.08, 0.54, 1, 0.54, 0.08});
  check(WindowKind::blackman, false, {0, 0.34, 1, 0.34, 0});
  check(WindowKind::bartlett, false, {0, 0.5, 1, 0.5, 0});
  check(WindowKind::bartlett, true, {0, 0.4, 0.8, 0.8, 0.4});
  check(WindowKind::povey, false, {0, std::pow(0.5, 0.85), 1, std::pow(0.5, 0.85), 0});
  check(WindowKind::sine, false, {0, std::sqrt(0.5), 1, std::sqrt(0.5), 0});
  check(WindowKind::rectangular, false, {1, 1, 1, 1, 1});
}

TEST_CASE("pad_to pads NeMo's columns and leaves the valid ones alone") {
  FrontendOptions options;
  options.pad_to = 16;
  options.pad_value = -3.0;
  const std::vector<float> samples = noise(1600);
  const Features padded = compute(options, samples);
  CHECK(padded.n_valid_frames == 10);
  CHECK(padded.n_frames == 16);
  options.pad_to = 0;
  const Features plain = compute(options, samples);
  CHECK(plain.n_frames == 10);
  for (std::size_t band = 0; band < 80; ++band) {
    for (std::size_t frame = 0; frame < 16; ++frame) {
      const float expected = frame < 10 ? plain.values[band * 10 + frame] : -3.0f;
      REQUIRE(padded.values[band * 16 + frame] == expected);
    }
  }
  options.pad_to = 5;  // 11 columns of the STFT
  CHECK(compute(options, samples).n_frames == 15);
}

TEST_CASE("a waveform passes through, normalised if asked") {
  FrontendOptions options = frontend_preset("waveform");
  const std::vector<float> samples = noise(10007);
  CHECK(compute(options, samples).values == samples);
  options.normalize = Normalize::utterance;
  const Frontend frontend(options);
  const Features features = frontend.compute({samples.data(), samples.size(), 0});
  double sum = 0, squares = 0;
  for (const float value : features.values) {
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  CHECK(std::abs(sum / 10007) < 1e-6);
  CHECK(squares / 10007 == doctest::Approx(1.0).epsilon(1e-4));
  FrontendStream stream(frontend);
  CHECK(stream_features(frontend, samples, 999, stream) == features.values);
}

TEST_CASE("samples that are not finite are named and none of the push is taken") {
  const Frontend frontend{FrontendOptions()};
  std::vector<float> samples = noise(2000);
  FrontendStream stream(frontend);
  stream.push(samples.data(), 500);
  std::vector<float> bad = samples;
  bad[1203] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(frontend.compute({bad.data(), bad.size(), 0}), doctest::Contains("Sample 1203 is NaN"),
                       AudioError);
  CHECK_THROWS_WITH_AS(stream.push(bad.data() + 500, 1500), doctest::Contains("Sample 1203"), AudioError);
  bad[1203] = -std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH_AS(stream.push(bad.data() + 500, 1500), doctest::Contains("-Inf"), AudioError);
  stream.push(samples.data() + 500, 1500);
  stream.finish();
  std::vector<float> features(80 * 12);
  stream.take(features.data(), 12, 12);
  CHECK(features == frontend.compute({samples.data(), samples.size(), 0}).values);
}

TEST_CASE("wrong use is a named error") {
  const Frontend frontend{FrontendOptions()};
  const std::vector<float> samples = noise(1600);
  CHECK_THROWS_WITH_AS(frontend.compute({samples.data(), samples.size(), 8000}), doctest::Contains("resample"),
                       AudioError);
  CHECK_THROWS_AS(frontend.compute({nullptr, 10, 0}), AudioError);
  FrontendStream stream(frontend);
  stream.push(samples.data(), samples.size());
  std::vector<float> out(80 * 20);
  CHECK_THROWS_WITH_AS(stream.take(out.data(), 20, 20), doctest::Contains("are ready"), OptionError);
  CHECK_THROWS_AS(stream.take(out.data(), 5, 4), OptionError);
  stream.finish();
  stream.finish();
  CHECK_THROWS_WITH_AS(stream.push(samples.data(), 1), doctest::Contains("reset"), AudioError);
  stream.reset();
  stream.push(samples.data(), samples.size());
  CHECK(stream.n_ready_frames() == 9);
}

TEST_CASE("options out of range are named with their range") {
  const auto check = [](const std::string& name, const std::string& value, const char* message) {
    CAPTURE(name);
    CAPTURE(value);
    const auto make = [&] {
      FrontendOptions options;
      set_option(options, name, value);
      return Frontend(options);
    };
    CHECK_THROWS_WITH_AS(make(), doctest::Contains(message), OptionError);
  };
  check("n_fft", "511", "n_fft must be even");
  check("n_fft", "100000", "from 2 to 65536");
  check("win_length_samples", "513", "win_length_samples must be an integer from 1 to 512");
  check("hop_length_samples", "0", "hop_length_samples");
  check("sample_rate_hz", "0", "sample_rate_hz");
  check("n_mels", "0", "n_mels");
  check("low_hz", "8000", "below the upper edge of 8000 Hz");
  check("high_hz", "9000", "high_hz");
  check("log_guard_value", "0", "log_guard_value");
  check("normalize", "fixed", "fixed_mean must be 80 numbers");
  check("preemphasis", "1.5", "preemphasis");
  check("dither", "-1", "dither");
  check("pad_to", "-1", "pad_to");
  check("input_scale", "0", "input_scale");
  FrontendOptions options = frontend_preset("waveform");
  options.normalize = Normalize::per_feature;
  CHECK_THROWS_AS(validate(options), OptionError);
  options = FrontendOptions();
  options.window = static_cast<WindowKind>(99);
  CHECK_THROWS_WITH_AS(validate(options), doctest::Contains("window"), OptionError);
}

TEST_CASE("a stream used by two threads raises or works, and never mixes samples") {
  const Frontend frontend{FrontendOptions()};
  const std::vector<float> samples = noise(1600);
  FrontendStream stream(frontend);
  std::atomic<int> n_pushed{0}, n_refused{0};
  const auto work = [&] {
    for (int i = 0; i < 300; ++i) {
      try {
        stream.push(samples.data(), samples.size());
        ++n_pushed;
      } catch (const Error& error) {
        CHECK(std::string(error.what()).find("another thread") != std::string::npos);
        ++n_refused;
      }
    }
  };
  std::thread other(work);
  work();
  other.join();
  CHECK(n_pushed + n_refused == 600);
  stream.finish();
  CHECK(stream.n_ready_frames() == static_cast<std::size_t>(n_pushed) * 10);
}
