// Ranges of the front end's options: those that depend on one another beside those of the table.
#include <cmath>
#include <string>

#include "fastctc/error.h"
#include "fastctc/options.h"
#include "frontend/mel_bank.h"
#include "options/option_table.h"

namespace fastctc {
namespace {

void check_mels(const FrontendOptions& o) {
  const double nyquist_hz = o.sample_rate_hz / 2.0, high_hz = frontend::mel_high_hz(o);
  check_number("frontend.high_hz", o.high_hz, {-nyquist_hz, nyquist_hz});
  if (!(o.low_hz >= 0.0 && o.low_hz < high_hz)) {
    refuse_option("frontend.low_hz", "at least 0 and below the upper edge of " + to_text(high_hz) + " Hz",
                  to_text(o.low_hz));
  }
  // The logarithm works on normal numbers: 1e-300 is one.
  if (o.use_log) check_number("frontend.log_guard_value", o.log_guard_value, {1e-300, 1e30});
}

void check_fixed(const FrontendOptions& o) {
  const std::size_t n_features = static_cast<std::size_t>(o.n_mels + (o.use_energy ? 1 : 0));
  const auto check_size = [&](const std::string& name, std::size_t size) {
    if (size == n_features) return;
    refuse_option(name, std::to_string(n_features) + " numbers, one per feature", std::to_string(size));
  };
  check_size("frontend.fixed_mean", o.fixed_mean.size());
  check_size("frontend.fixed_std", o.fixed_std.size());
  for (const float mean : o.fixed_mean) check_number("frontend.fixed_mean", static_cast<double>(mean), {});
  for (const float deviation : o.fixed_std) {
    check_number("frontend.fixed_std", static_cast<double>(deviation), {0, std::numeric_limits<double>::max(), true});
  }
}

}  // namespace

void validate(const FrontendOptions& o) {
  check_fields(o, "frontend.");
  if (o.kind == FeatureKind::waveform) {
    if (o.normalize != Normalize::none && o.normalize != Normalize::utterance) {
      throw OptionError("Option frontend.normalize must be none or utterance where frontend.kind is waveform.");
    }
    return;
  }
  if (o.n_fft % 2 != 0) refuse_option("frontend.n_fft", "even", std::to_string(o.n_fft));
  check_integer("frontend.win_length_samples", o.win_length_samples, {1, static_cast<double>(o.n_fft)});
  check_mels(o);
  if (o.normalize == Normalize::fixed) check_fixed(o);
}

}  // namespace fastctc
