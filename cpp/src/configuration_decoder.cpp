#include "configuration_decoder.h"

#include <memory>
#include <sstream>
#include <vector>

#include "fastctc/hot_words.h"
#include "fastctc/language_model.h"
#include "fastctc/lexicon.h"
#include "options/options_text.h"

namespace fastctc {
namespace {

constexpr double kDefaultBonus = 5.0;  // as in Python: e^5, 150 times as likely

ConfidenceOptions confidence_options(ConfidenceOptions options, const Json& json, const std::string& prefix) {
  JsonObject object(json, prefix);
  object.read("measure", options.measure,
              {{"max_prob", ConfidenceMeasure::max_prob},
               {"gibbs", ConfidenceMeasure::gibbs},
               {"tsallis", ConfidenceMeasure::tsallis},
               {"renyi", ConfidenceMeasure::renyi}});
  object.read("alpha", options.alpha);
  object.read("normalization", options.normalization,
              {{"linear", ConfidenceNormalization::linear}, {"exponential", ConfidenceNormalization::exponential}});
  object.read("aggregation", options.aggregation,
              {{"mean", ConfidenceAggregation::mean},
               {"min", ConfidenceAggregation::min},
               {"max", ConfidenceAggregation::max},
               {"product", ConfidenceAggregation::product}});
  object.finish();
  return options;
}

// "PHRASE" or "PHRASE:BONUS" a line.
std::vector<HotPhrase> phrases_of_lines(const std::string& name, const std::string& text) {
  std::vector<HotPhrase> phrases;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::size_t colon = line.rfind(':');
    if (colon == std::string::npos) {
      phrases.push_back({line, kDefaultBonus});
    } else {
      phrases.push_back({line.substr(0, colon), number_from_text(name + " (" + line + ")", line.substr(colon + 1))});
    }
  }
  return phrases;
}

std::vector<HotPhrase> phrases(const std::string& name, const Json& value) {
  if (value.is_string()) return phrases_of_lines(name, value.get<std::string>());
  std::vector<HotPhrase> list;
  if (value.is_array()) {
    for (const Json& phrase : value) {
      if (!phrase.is_string()) throw OptionError("Option " + name + " must be a list of strings.");
      list.push_back({phrase.get<std::string>(), kDefaultBonus});
    }
    return list;
  }
  if (!value.is_object()) {
    throw OptionError("Option " + name + " must be a list of phrases, or an object of phrases and their bonuses.");
  }
  for (const auto& [phrase, bonus] : value.items()) {
    if (!bonus.is_number()) throw OptionError("Option " + name + ": the bonus of '" + phrase + "' must be a number.");
    list.push_back({phrase, bonus.get<double>()});
  }
  return list;
}

std::shared_ptr<const Lexicon> lexicon(const std::string& name, const Json& value, const Vocabulary& vocabulary) {
  if (value.is_string()) return Lexicon::read(value.get<std::string>(), vocabulary);
  std::string path;
  std::string word_end;
  OutOfLexicon out_of_lexicon = OutOfLexicon::forbid;
  JsonObject object(value, name + ".");
  object.read("path", path);
  object.read("word_end", word_end);
  object.read("out_of_lexicon", out_of_lexicon, {{"forbid", OutOfLexicon::forbid}, {"allow", OutOfLexicon::allow}});
  object.finish();
  if (path.empty()) throw OptionError("Option " + name + ".path is missing: the file of the lexicon.");
  return Lexicon::read(path, vocabulary, word_end, out_of_lexicon);
}

}  // namespace

DecoderOptions decoder_options(DecoderOptions options, const Json& json, const std::string& prefix,
                               const Vocabulary& vocabulary) {
  JsonObject object(json, prefix);
  object.read("kind", options.kind, {{"greedy", DecoderKind::greedy}, {"beam", DecoderKind::beam}});
  if (const Json* confidence = object.find("confidence")) {
    options.confidence = confidence_options(options.confidence, *confidence, prefix + "confidence.");
  }
  object.read("beam_size", options.beam_size);
  object.read("n_best", options.n_best);
  object.read("beam_threshold", options.beam_threshold);
  object.read("max_tokens", options.max_tokens);
  object.read("min_token_log_prob", options.min_token_log_prob);
  object.read("blank_skip_prob", options.blank_skip_prob);
  std::string language_model;
  object.read("language_model", language_model);
  object.read("lm_weight", options.lm_weight);
  object.read("lm_unit", options.lm_unit, {{"word", LanguageModelUnit::word}, {"token", LanguageModelUnit::token}});
  object.read("word_bonus", options.word_bonus);
  object.read("unknown_word_score", options.unknown_word_score);
  object.read("score_sentence_end", options.score_sentence_end);
  const Json* hot_words = object.find("hot_words");
  const Json* words = object.find("lexicon");
  object.finish();

  validate(options);  // before files are read
  if (!language_model.empty()) options.language_model = LanguageModel::read(language_model);
  if (words) options.lexicon = lexicon(prefix + "lexicon", *words, vocabulary);
  if (hot_words) {
    const std::vector<HotPhrase> list = phrases(prefix + "hot_words", *hot_words);
    options.hot_words = list.empty() ? nullptr : std::make_shared<const HotWords>(vocabulary, list);
  }
  return options;
}

}  // namespace fastctc
