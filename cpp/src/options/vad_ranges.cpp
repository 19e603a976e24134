// Ranges of the options of speech detection.
#include <string>

#include "fastctc/error.h"
#include "fastctc/options.h"
#include "options/options_text.h"

namespace fastctc {
namespace {

constexpr double longest_s = 3600;

void check(const char* name, double value, double lowest, double highest) {
  if (value >= lowest && value <= highest) return;
  throw OptionError(std::string("Option vad.") + name + " must be from " + to_text(lowest) + " to " + to_text(highest) +
                    ", not " + to_text(value) + ".");
}

}  // namespace

void validate(const VadOptions& options) {
  if (options.kind != VadKind::none && options.kind != VadKind::energy && options.kind != VadKind::silero) {
    throw OptionError("Option vad.kind must be none, energy or silero.");
  }
  if (options.kind == VadKind::silero && options.model.empty()) {
    throw OptionError("Option vad.kind is silero, but vad.model names no file. Give the path of Silero's ONNX file.");
  }
  if (options.kind != VadKind::silero && !options.model.empty()) {
    throw OptionError("Option vad.model is " + options.model + ", but vad.kind is not silero, which alone reads it.");
  }
  check("threshold", options.threshold, 0.01, 1);
  check("min_level_db", options.min_level_db, -120, 0);
  check("snr_db", options.snr_db, 0, 120);
  check("min_speech_s", options.min_speech_s, 0, longest_s);
  check("min_silence_s", options.min_silence_s, 0, longest_s);
  check("padding_s", options.padding_s, 0, longest_s);
}

}  // namespace fastctc
