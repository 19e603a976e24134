#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "audio/dot_product.h"
#include "audio/samples.h"
#include "fastctc/audio.h"
#include "fastctc/error.h"

// The filter, time t in samples of the lower of the two rates:
//
//   h(t) = c sinc(c t) I0(beta sqrt(1 - (t / w)^2)) / I0(beta),  |t| < w;  0 elsewhere
//
// A Kaiser-windowed sinc (Oppenheim and Schafer, Discrete-Time Signal Processing, section 7.5). Output m is
// sum over k of x[k] h((m in / out - k) s) s, with s = min(1, out / in) the lower rate over the input's.
// The same in python/fastctc/reference/resampler.py.

namespace fastctc {
namespace {

constexpr double pi = 3.14159265358979323846;
constexpr int half_width = 64;   // w
constexpr double cutoff = 0.95;  // c: the middle of the transition, 0.9 to 1 of the Nyquist frequency
constexpr double beta = 10.0;    // 100 dB with that width and transition
constexpr int min_rate_hz = 1000;
constexpr int max_rate_hz = 768000;
constexpr std::size_t max_exact_taps = std::size_t(1) << 18;  // 1 MiB of taps for all phases of an exact table
constexpr std::size_t interpolated_phases = 2048;             // per sample of the lower rate; error below 2e-7
constexpr std::size_t block_samples = 8192;                   // with the taps of a phase, about the second-level cache

// h(t) * scale for many t at once. Tap by tap the window's Bessel function (its power series, in Horner's form) would
// be one long chain of dependent operations; term by term it vectorises.
class Filter {
 public:
  Filter() : i0_beta_(1) {
    for (int k = n_terms; k > 0; --k) i0_beta_ = 1 + i0_beta_ * (beta * beta / 4) / (double(k) * k);
  }

  void evaluate(const std::vector<double>& times, double scale, float* values) {
    const std::size_t n = times.size();
    squares_.resize(n);
    sums_.assign(n, 1.0);
    for (std::size_t j = 0; j < n; ++j) {
      const double ratio = times[j] / half_width;
      squares_[j] = beta * beta / 4 * std::max(0.0, 1 - ratio * ratio);
    }
    for (int k = n_terms; k > 0; --k) {
      const double factor = 1 / (double(k) * k);
      for (std::size_t j = 0; j < n; ++j) sums_[j] = 1 + sums_[j] * (squares_[j] * factor);
    }
    for (std::size_t j = 0; j < n; ++j) {
      const double angle = pi * cutoff * times[j];
      const double sinc = angle == 0 ? 1 : std::sin(angle) / angle;
      const bool inside = std::abs(times[j]) < half_width;
      values[j] = inside ? float(scale * cutoff * sinc * sums_[j] / i0_beta_) : 0.0f;
    }
  }

 private:
  static constexpr int n_terms = 32;  // the last is below 1e-25 of the sum at beta
  double i0_beta_;
  std::vector<double> squares_, sums_;
};

std::uint64_t greatest_common_divisor(std::uint64_t a, std::uint64_t b) {
  return b == 0 ? a : greatest_common_divisor(b, a % b);
}

void check_rate(const char* name, int rate_hz) {
  if (rate_hz >= min_rate_hz && rate_hz <= max_rate_hz) return;
  throw OptionError(std::string(name) + " is " + std::to_string(rate_hz) + ". Give a sample rate of " +
                    std::to_string(min_rate_hz) + " to " + std::to_string(max_rate_hz) + " Hz.");
}

// The taps of every phase. Input positions advance by `step / n_phases` per output; phase p is a position p / n_phases
// past a sample. Where a row for each phase would take too much memory, rows stand at a coarser grid of phases, and an
// output is interpolated between those of its two neighbours.
class PhaseTable {
 public:
  PhaseTable(std::uint64_t step, std::uint64_t n_phases) : n_phases_(n_phases) {
    const double scale = std::min(1.0, double(n_phases) / double(step));
    reach_ = step > n_phases ? (half_width * step + n_phases - 1) / n_phases : half_width;
    row_length_ = (2 * reach_ + DotProduct::lanes - 1) / DotProduct::lanes * DotProduct::lanes;
    exact_ = n_phases_ <= max_exact_taps / row_length_;
    n_intervals_ = exact_ ? n_phases_ : std::uint64_t(std::ceil(interpolated_phases * scale));
    const std::size_t n_rows = std::size_t(n_intervals_) + (exact_ ? 0 : 1);
    taps_.resize(n_rows * row_length_);
    std::vector<double> times(row_length_);
    Filter filter;
    for (std::size_t row = 0; row < n_rows; ++row) {
      const double phase = double(row) / double(n_intervals_);
      for (std::size_t j = 0; j < row_length_; ++j) times[j] = (double(j) - double(lead()) - phase) * scale;
      filter.evaluate(times, scale, &taps_[row * row_length_]);
    }
  }

  std::size_t row_length() const { return row_length_; }
  // Samples of a row before the output's position; the rest, `row_length() - lead()`, are at it and after.
  std::size_t lead() const { return row_length_ - 1 - reach_; }

  // One output at `phase`, whose row begins at `samples`.
  float output(const DotProduct& dot, std::uint64_t phase, const float* samples) const {
    if (exact_) return dot.one(row(phase), samples, row_length_);
    const std::uint64_t place = phase * n_intervals_;
    const float weight = float(double(place % n_phases_) / double(n_phases_));
    const float before = dot.one(row(place / n_phases_), samples, row_length_);
    const float after = dot.one(row(place / n_phases_ + 1), samples, row_length_);
    return before + weight * (after - before);
  }

  // `count` outputs at `phase`, rows `step` samples apart; output i goes to outputs[i * n_phases].
  void outputs(const DotProduct& dot, std::uint64_t phase, const float* samples, std::size_t step, std::size_t count,
               float* outputs) const {
    std::size_t i = 0;
    for (float sums[4]; exact_ && i + 4 <= count; i += 4) {
      dot.four(row(phase), samples + i * step, step, row_length_, sums);
      for (std::size_t k = 0; k < 4; ++k) outputs[(i + k) * n_phases_] = sums[k];
    }
    for (; i < count; ++i) outputs[i * n_phases_] = output(dot, phase, samples + i * step);
  }

 private:
  const float* row(std::uint64_t index) const { return &taps_[std::size_t(index) * row_length_]; }

  std::uint64_t n_phases_;
  std::uint64_t n_intervals_ = 0;  // of the grid of rows, in one input sample
  std::size_t reach_ = 0;          // samples that an output needs after its own position
  std::size_t row_length_ = 0;     // zero taps first, so that no output waits for samples that it does not need
  bool exact_ = true;
  std::vector<float> taps_;  // [rows, row_length]
};

}  // namespace

class Resampler::Impl {
 public:
  // Input rate / output rate = step / n_phases, in lowest terms.
  Impl(std::uint64_t step, std::uint64_t n_phases)
      : step_(step), n_phases_(n_phases), table_(step, n_phases), dot_(dot_product()) {
    reset();
  }

  void reset() {
    buffer_.assign(table_.lead(), 0.0f);
    begin_ = 0;
    phase_ = 0;
    n_pushed_ = 0;
    finished_ = false;
  }

  void push(const float* samples, std::size_t n_samples, std::vector<float>& output) {
    if (finished_) throw AudioError("push() after finish(): the signal is over. Call reset() to begin another one.");
    check_samples(samples, n_samples, n_pushed_);
    n_pushed_ += n_samples;
    if (is_copy()) {
      output.insert(output.end(), samples, samples + n_samples);
      return;
    }
    for (std::size_t done = 0; done < n_samples;) {
      const std::size_t n = std::min(n_samples - done, std::max(block_samples, table_.row_length()));
      take(samples + done, n, output);
      done += n;
    }
  }

  void finish(std::vector<float>& output) {
    if (finished_) throw AudioError("finish() after finish(): the signal is over. Call reset() to begin another one.");
    finished_ = true;
    if (is_copy()) return;
    // With these zeros an output is ready just if its position is before the end of the signal: ceil(n * out / in).
    const std::vector<float> zeros(table_.row_length() - 1 - table_.lead(), 0.0f);
    take(zeros.data(), zeros.size(), output);
  }

 private:
  bool is_copy() const { return step_ == n_phases_; }

  // Appends the samples to the buffer, then every output whose row lies in it.
  void take(const float* samples, std::size_t n_samples, std::vector<float>& output) {
    buffer_.insert(buffer_.end(), samples, samples + n_samples);
    // Output i from here on begins at begin_ + (phase_ + i * step_) / n_phases_.
    if (buffer_.size() >= begin_ + table_.row_length()) {
      const std::uint64_t room = buffer_.size() - begin_ - table_.row_length();
      const std::uint64_t count = ((room + 1) * n_phases_ - phase_ + step_ - 1) / step_;
      const std::size_t first = output.size();
      output.resize(first + std::size_t(count));
      run(std::size_t(count), &output[first]);
      advance(count);
    }
    if (begin_ >= std::max(block_samples, table_.row_length())) {
      buffer_.erase(buffer_.begin(), buffer_.begin() + std::ptrdiff_t(begin_));
      begin_ = 0;
    }
  }

  // Phase by phase: the outputs of a phase are n_phases_ apart and share their taps.
  void run(std::size_t count, float* outputs) const {
    std::uint64_t phase = phase_;
    std::size_t begin = begin_;
    for (std::size_t i = 0; i < std::min<std::uint64_t>(count, n_phases_); ++i) {
      const std::size_t n_same = (count - i - 1) / std::size_t(n_phases_) + 1;
      table_.outputs(dot_, phase, &buffer_[begin], std::size_t(step_), n_same, outputs + i);
      phase += step_;
      begin += std::size_t(phase / n_phases_);
      phase %= n_phases_;
    }
  }

  void advance(std::uint64_t n_outputs) {
    const std::uint64_t position = phase_ + n_outputs * step_;
    begin_ += std::size_t(position / n_phases_);
    phase_ = position % n_phases_;
  }

  std::uint64_t step_;
  std::uint64_t n_phases_;
  PhaseTable table_;
  const DotProduct& dot_;
  std::vector<float> buffer_;  // the input from the first sample that is still needed, after zeros before the signal
  std::size_t begin_ = 0;      // in buffer_: where the row of the next output begins
  std::uint64_t phase_ = 0;    // of the next output
  std::uint64_t n_pushed_ = 0;
  bool finished_ = false;
};

Resampler::Resampler(int input_rate_hz, int output_rate_hz) {
  check_rate("The input rate", input_rate_hz);
  check_rate("The output rate", output_rate_hz);
  const auto input = std::uint64_t(input_rate_hz), output = std::uint64_t(output_rate_hz);
  const std::uint64_t divisor = greatest_common_divisor(input, output);
  impl_ = std::make_unique<Impl>(input / divisor, output / divisor);
}

Resampler::~Resampler() = default;
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;

void Resampler::push(const float* samples, std::size_t n_samples, std::vector<float>& output) {
  impl_->push(samples, n_samples, output);
}

void Resampler::finish(std::vector<float>& output) { impl_->finish(output); }

void Resampler::reset() { impl_->reset(); }

std::vector<float> resample(AudioView audio, int output_rate_hz) {
  Resampler resampler(audio.sample_rate_hz, output_rate_hz);
  std::vector<float> output;
  output.reserve(std::size_t(double(audio.n_samples) * output_rate_hz / audio.sample_rate_hz) + 1);
  resampler.push(audio.samples, audio.n_samples, output);
  resampler.finish(output);
  return output;
}

}  // namespace fastctc
