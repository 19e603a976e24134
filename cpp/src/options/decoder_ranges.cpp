#include <cmath>
#include <string>

#include "fastctc/error.h"
#include "fastctc/options.h"

namespace fastctc {
namespace {

constexpr int kLargestBeam = 100000;

[[noreturn]] void refuse(const std::string& name, const std::string& value, const std::string& range) {
  throw OptionError("Option decoder." + name + " is " + value + ", but must be " + range + ".");
}

void check_range(const char* name, int value, int lowest, int highest) {
  if (value >= lowest && value <= highest) return;
  refuse(name, std::to_string(value), "an integer from " + std::to_string(lowest) + " to " + std::to_string(highest));
}

void check_finite(const char* name, double value) {
  if (!std::isfinite(value)) refuse(name, std::to_string(value), "a finite number");
}

}  // namespace

void validate(const DecoderOptions& options) {
  validate(options.confidence);
  check_range("beam_size", options.beam_size, 1, kLargestBeam);
  check_range("n_best", options.n_best, 1, options.kind == DecoderKind::beam ? options.beam_size : 1);
  check_range("max_tokens", options.max_tokens, 0, 1 << 30);
  check_finite("beam_threshold", options.beam_threshold);
  if (options.beam_threshold <= 0) refuse("beam_threshold", std::to_string(options.beam_threshold), "above 0");
  if (std::isnan(options.min_token_log_prob)) refuse("min_token_log_prob", "NaN", "a number");
  if (!(options.blank_skip_prob > 0 && options.blank_skip_prob <= 1)) {
    refuse("blank_skip_prob", std::to_string(options.blank_skip_prob), "above 0 and at most 1");
  }
  check_finite("lm_weight", options.lm_weight);
  if (options.lm_weight < 0) refuse("lm_weight", std::to_string(options.lm_weight), "from 0 up");
  check_finite("word_bonus", options.word_bonus);
  check_finite("unknown_word_score", options.unknown_word_score);
  if (options.kind == DecoderKind::beam) return;
  // What greedy search can't use is not ignored.
  const char* unused = options.language_model ? "language_model"
                       : options.hot_words    ? "hot_words"
                       : options.lexicon      ? "lexicon"
                                              : nullptr;
  if (unused) throw OptionError(std::string("Option decoder.") + unused + " takes decoder.kind beam, not greedy.");
}

}  // namespace fastctc
