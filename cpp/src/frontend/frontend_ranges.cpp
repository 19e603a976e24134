// Ranges of the front end's options.
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

#include "fastctc/error.h"
#include "fastctc/options.h"
#include "frontend/mel_bank.h"

namespace fastctc {
namespace {

std::string text_of(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

[[noreturn]] void fail(const std::string& name, const std::string& range, const std::string& value) {
  throw OptionError("Option frontend." + name + " must be " + range + ", not " + value + ".");
}

void check_int(const char* name, int value, int lowest, int highest) {
  if (value < lowest || value > highest) {
    fail(name, "from " + std::to_string(lowest) + " to " + std::to_string(highest), std::to_string(value));
  }
}

void check_number(const char* name, double value, double lowest, double highest) {
  if (!(value >= lowest && value <= highest)) {
    fail(name, "from " + text_of(lowest) + " to " + text_of(highest), text_of(value));
  }
}

// An enumeration cast from a wrong number; `last` is its last value.
template <class E>
void check_choice(const char* name, E value, E last) {
  check_int(name, static_cast<int>(value), 0, static_cast<int>(last));
}

void check_choices(const FrontendOptions& o) {
  check_choice("kind", o.kind, FeatureKind::waveform);
  check_choice("window", o.window, WindowKind::rectangular);
  check_choice("framing", o.framing, Framing::kaldi_round);
  check_choice("pad_mode", o.pad_mode, PadMode::reflect);
  check_choice("frame_count", o.frame_count, FrameCount::floor_plus_one);
  check_choice("preemphasis_scope", o.preemphasis_scope, PreemphasisScope::frame);
  check_choice("mel_scale", o.mel_scale, MelScale::htk);
  check_choice("mel_norm", o.mel_norm, MelNorm::none);
  check_choice("mel_shape", o.mel_shape, MelShape::linear_mel);
  check_choice("log_guard", o.log_guard, LogGuard::clamp);
  check_choice("normalize", o.normalize, Normalize::utterance);
  check_choice("instruction_set", o.instruction_set, InstructionSet::avx512);
}

void check_frames(const FrontendOptions& o) {
  check_int("n_fft", o.n_fft, 2, 65536);
  if (o.n_fft % 2 != 0) fail("n_fft", "even", std::to_string(o.n_fft));
  check_int("win_length_samples", o.win_length_samples, 1, o.n_fft);
  check_int("hop_length_samples", o.hop_length_samples, 1, 65536);
  check_number("blackman_coeff", o.blackman_coeff, 0.0, 1.0);
  check_number("preemphasis", o.preemphasis, 0.0, 1.0);
  check_number("dither", o.dither, 0.0, 1e9);
  check_number("mag_power", o.mag_power, 1e-3, 4.0);
}

void check_mels(const FrontendOptions& o) {
  check_int("n_mels", o.n_mels, 1, 4096);
  const double nyquist_hz = o.sample_rate_hz / 2.0, high_hz = frontend::mel_high_hz(o);
  check_number("high_hz", o.high_hz, -nyquist_hz, nyquist_hz);
  if (!(o.low_hz >= 0.0 && o.low_hz < high_hz)) {
    fail("low_hz", "at least 0 and below the upper edge of " + text_of(high_hz) + " Hz", text_of(o.low_hz));
  }
  // The logarithm works on normal numbers: 1e-300 is one.
  if (o.use_log) check_number("log_guard_value", o.log_guard_value, 1e-300, 1e30);
  check_number("energy_floor", o.energy_floor, 0.0, 1e30);
}

void check_fixed(const FrontendOptions& o) {
  const std::size_t n_features = static_cast<std::size_t>(o.n_mels + (o.use_energy ? 1 : 0));
  const auto check_size = [&](const char* name, std::size_t size) {
    if (size != n_features) fail(name, std::to_string(n_features) + " numbers, one a feature", std::to_string(size));
  };
  check_size("fixed_mean", o.fixed_mean.size());
  check_size("fixed_std", o.fixed_std.size());
  for (const float mean : o.fixed_mean) {
    if (!std::isfinite(mean)) fail("fixed_mean", "finite", text_of(mean));
  }
  for (const float deviation : o.fixed_std) {
    if (!(std::isfinite(deviation) && deviation > 0)) fail("fixed_std", "positive and finite", text_of(deviation));
  }
}

}  // namespace

void validate(const FrontendOptions& o) {
  check_choices(o);
  check_int("sample_rate_hz", o.sample_rate_hz, 100, 1000000);
  check_number("input_scale", o.input_scale, 1e-9, 1e9);
  check_int("pad_to", o.pad_to, 0, 65536);
  check_number("pad_value", o.pad_value, -std::numeric_limits<float>::max(), std::numeric_limits<float>::max());
  if (o.kind == FeatureKind::waveform) {
    if (o.normalize != Normalize::none && o.normalize != Normalize::utterance) {
      throw OptionError("Option frontend.normalize must be none or utterance where frontend.kind is waveform.");
    }
    return;
  }
  check_frames(o);
  check_mels(o);
  if (o.normalize == Normalize::fixed) check_fixed(o);
}

}  // namespace fastctc
