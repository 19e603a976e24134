// The options of streams, recordings and conversations, and what they share.
#include <string>

#include "options/option_rows.h"

namespace fastctc {
namespace {

constexpr Range kUpToAnHour{0, 3600};

}  // namespace

using namespace option_rows;

template <>
const OptionTable<EndpointOptions>& option_table() {
  using O = EndpointOptions;
  static const OptionTable<O> table = {
      number("silence_after_speech_s", &O::silence_after_speech_s, "s",
             "Silence after a token that ends a segment; 0 or less: the rule is off."),
      number("silence_without_speech_s", &O::silence_without_speech_s, "s",
             "Silence that ends a segment without a token; 0 or less: the rule is off."),
      number("max_length_s", &O::max_length_s, "s", "Longest segment; 0 or less: the rule is off."),
  };
  return table;
}

template <>
const OptionTable<VadOptions>& option_table() {
  using O = VadOptions;
  static const OptionTable<O> table = {
      choice("kind", &O::kind, {"none", "energy", "silero"}, "What detects speech."),
      text("model", &O::model, "Silero's ONNX file."),
      number("threshold", &O::threshold, "",
             "Silero's probability of speech that opens a segment; 0.15 less closes it.", {0.01, 1}),
      number("min_level_db", &O::min_level_db, "dB", "Level below which nothing is speech, of energy.", {-120, 0}),
      number("snr_db", &O::snr_db, "dB", "Level above the noise that opens a segment, of energy; 3 dB less closes it.",
             {0, 120}),
      number("min_speech_s", &O::min_speech_s, "s", "A shorter burst is no speech.", kUpToAnHour),
      number("min_silence_s", &O::min_silence_s, "s", "A shorter pause doesn't close a segment.", kUpToAnHour),
      number("padding_s", &O::padding_s, "s", "Added to a segment on both sides.", kUpToAnHour),
  };
  return table;
}

template <>
const OptionTable<ConversationOptions>& option_table() {
  using O = ConversationOptions;
  static const OptionTable<O> table = {
      number("pause_s", &O::pause_s, "s", "A channel that says nothing for as long starts a new segment.", kUpToAnHour),
  };
  return table;
}

template <>
const OptionTable<StreamOptions>& option_table() {
  using O = StreamOptions;
  static const OptionTable<O> table = {
      integer("latency_ms", &O::latency_ms, "ms", "Look-ahead of the graph; -1: the longest that the model has.", -1,
              1000000),
      integer("sample_rate_hz", &O::sample_rate_hz, "Hz", "Rate of the audio that is pushed; 0: the model's.", 0,
              1000000),
      choice("start", &O::start, {"aligned", "nemo_pad"},
             "What fills the first window: the phase of the offline graph, or NeMo's pad_and_drop_preencoded."),
      flag("partial_results", &O::partial_results, "Results come while a segment goes on."),
      group("endpoint", &O::endpoint, "When a segment ends."),
      group("vad", &O::vad, "Silence does not run through the model."),
      group("decoder", &O::decoder, "How log-probs become text."),
  };
  return table;
}

template <>
const OptionTable<LongFormOptions>& option_table() {
  using O = LongFormOptions;
  static const OptionTable<O> table = {
      number("one_shot_max_s", &O::one_shot_max_s, "s", "A longer recording goes in steps or windows.", {0, 1e6}),
      number("window_s", &O::window_s, "s", "Length of a window; less where the position table is shorter.", {1, 3600}),
      number("overlap_s", &O::overlap_s, "s", "Overlap of neighbouring windows, at most half of window_s.",
             {0.5, 1800}),
      group("vad", &O::vad, "Only speech is transcribed."),
      group("decoder", &O::decoder, "How log-probs become text."),
  };
  return table;
}

void validate(const ConversationOptions& options) { check_fields(options, "conversation."); }

void validate(const VadOptions& options) {
  check_fields(options, "vad.");
  if (options.kind == VadKind::silero && options.model.empty()) {
    throw OptionError("Option vad.kind is silero, but vad.model names no file. Give the path of Silero's ONNX file.");
  }
  if (options.kind != VadKind::silero && !options.model.empty()) {
    throw OptionError("Option vad.model is " + options.model + ", but vad.kind is not silero, which alone reads it.");
  }
}

void validate(const LongFormOptions& options) {
  check_fields(options, "");
  check_number("overlap_s (at most half of window_s)", options.overlap_s, {0.5, options.window_s / 2});
  if (options.vad.kind != VadKind::none) validate(options.vad);
}

}  // namespace fastctc
