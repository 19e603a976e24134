// The options of decoders.
#include <string>

#include "options/option_rows.h"

namespace fastctc {

using namespace option_rows;

template <>
const OptionTable<ConfidenceOptions>& option_table() {
  using O = ConfidenceOptions;
  static const OptionTable<O> table = {
      choice("measure", &O::measure, {"max_prob", "gibbs", "tsallis", "renyi"},
             "What is measured over the log-probs of a frame: the best token's, or an entropy."),
      number("alpha", &O::alpha, "", "Power of the probabilities; NeMo suggests 0.33 for entropies.",
             {0, std::numeric_limits<double>::max(), true}),
      choice("normalization", &O::normalization, {"linear", "exponential"}, "How an entropy becomes a confidence."),
      choice("aggregation", &O::aggregation, {"mean", "min", "max", "product"},
             "How frames become a token's confidence, and tokens a word's."),
  };
  return table;
}

template <>
const OptionTable<DecoderOptions>& option_table() {
  using O = DecoderOptions;
  static const OptionTable<O> table = {
      choice("kind", &O::kind, {"greedy", "beam"},
             "The best token of every frame, or CTC prefix beam search, which everything below is for."),
      group("confidence", &O::confidence, "How sure the model is."),
      integer("beam_size", &O::beam_size, "", "Prefixes that are kept after a frame.", 1, 100000),
      integer("n_best", &O::n_best, "", "Alternatives in the result, at most beam_size.", 1, 100000),
      number("beam_threshold", &O::beam_threshold, "",
             "A prefix goes when its score is lower than the best one's by more than this.",
             {0, std::numeric_limits<double>::max(), true}),
      integer("max_tokens", &O::max_tokens, "", "Most likely tokens of a frame that are tried; 0: all.", 0, 1 << 30),
      number("min_token_log_prob", &O::min_token_log_prob, "", "A token of a frame that is less likely is not tried.",
             {-kInfinity, kInfinity}),
      number("blank_skip_prob", &O::blank_skip_prob, "",
             "A frame whose blank is at least as likely counts as certain; 1: no frame is skipped.", {0, 1, true}),
      object<O>("language_model", "Path of a language model: ARPA, or what `fastctc lm build` wrote."),
      number("lm_weight", &O::lm_weight, "", "Factor of the language model's scores.",
             {0, std::numeric_limits<double>::max()}),
      choice("lm_unit", &O::lm_unit, {"word", "token"}, "What the n-grams are made of."),
      number("word_bonus", &O::word_bonus, "", "Added per word (per token with a token-level model)."),
      number("unknown_word_score", &O::unknown_word_score, "", "Added to the model's own score of an unknown word."),
      flag("score_sentence_end", &O::score_sentence_end, "The final result is scored with the end of the sentence."),
      object<O>("hot_words",
                "Phrases that are preferred: a list, an object of phrases and bonuses, or text with a line "
                "`PHRASE` or `PHRASE:BONUS` each."),
      object<O>("lexicon", "Only its words are found: a path, or an object with path, word_end and out_of_lexicon."),
  };
  return table;
}

void validate(const ConfidenceOptions& options) { check_fields(options, "confidence."); }

void validate(const DecoderOptions& options) {
  check_fields(options, "decoder.");
  const bool is_beam = options.kind == DecoderKind::beam;
  check_integer("decoder.n_best", options.n_best, {1, is_beam ? static_cast<double>(options.beam_size) : 1});
  if (is_beam) return;
  // What greedy search can't use is not ignored.
  const char* unused = options.language_model ? "language_model"
                       : options.hot_words    ? "hot_words"
                       : options.lexicon      ? "lexicon"
                                              : nullptr;
  if (unused) throw OptionError(std::string("Option decoder.") + unused + " takes decoder.kind beam, not greedy.");
}

}  // namespace fastctc
