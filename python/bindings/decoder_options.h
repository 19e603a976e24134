// fastctc.types.DecoderOptions and ConfidenceOptions as dicts -> the core's.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fastctc/error.h"
#include "fastctc/hot_words.h"
#include "fastctc/language_model.h"
#include "fastctc/lexicon.h"
#include "fastctc/options.h"
#include "session_options.h"

namespace fastctc_bindings {

// One of the names, or an OptionError that lists them.
template <class T>
T option_choice(const std::string& option, const py::handle& value,
                const std::vector<std::pair<const char*, T>>& names) {
  const auto text = option_value<std::string>(option, value, "a string");
  std::string list;
  for (const auto& [name, choice] : names) {
    if (text == name) return choice;
    list += (list.empty() ? "" : ", ") + std::string(name);
  }
  throw fastctc::OptionError("Option " + option + " must be one of " + list + ", not '" + text + "'.");
}

// None: nothing.
template <class T>
std::shared_ptr<const T> option_object(const std::string& option, const py::handle& value, const char* expected) {
  if (value.is_none()) return nullptr;
  return option_value<std::shared_ptr<T>>(option, value, expected);
}

// Fields that are absent keep their defaults. Raises OptionError on an unknown name or a wrong type.
inline fastctc::ConfidenceOptions confidence_options(const py::dict& fields) {
  using fastctc::ConfidenceAggregation;
  using fastctc::ConfidenceMeasure;
  using fastctc::ConfidenceNormalization;
  fastctc::ConfidenceOptions options;
  for (const auto& field : fields) {
    const std::string name = "confidence." + std::string(py::str(field.first));
    const py::handle value = field.second;
    if (name == "confidence.measure") {
      options.measure = option_choice<ConfidenceMeasure>(name, value,
                                                         {{"max_prob", ConfidenceMeasure::max_prob},
                                                          {"gibbs", ConfidenceMeasure::gibbs},
                                                          {"tsallis", ConfidenceMeasure::tsallis},
                                                          {"renyi", ConfidenceMeasure::renyi}});
    } else if (name == "confidence.alpha") {
      options.alpha = option_value<double>(name, value, "a number");
    } else if (name == "confidence.normalization") {
      options.normalization = option_choice<ConfidenceNormalization>(
          name, value,
          {{"linear", ConfidenceNormalization::linear}, {"exponential", ConfidenceNormalization::exponential}});
    } else if (name == "confidence.aggregation") {
      options.aggregation = option_choice<ConfidenceAggregation>(name, value,
                                                                 {{"mean", ConfidenceAggregation::mean},
                                                                  {"min", ConfidenceAggregation::min},
                                                                  {"max", ConfidenceAggregation::max},
                                                                  {"product", ConfidenceAggregation::product}});
    } else {
      throw fastctc::OptionError("There is no option " + name + ".");
    }
  }
  return options;
}

inline void set_decoder_number(fastctc::DecoderOptions& options, const std::string& name, const py::handle& value) {
  const std::string option = "decoder." + name;
  const std::vector<std::pair<const char*, int*>> integers = {
      {"beam_size", &options.beam_size}, {"n_best", &options.n_best}, {"max_tokens", &options.max_tokens}};
  for (const auto& [known, field] : integers) {
    if (name != known) continue;
    *field = option_value<int>(option, value, "an integer");
    return;
  }
  const std::vector<std::pair<const char*, double*>> numbers = {
      {"beam_threshold", &options.beam_threshold},   {"min_token_log_prob", &options.min_token_log_prob},
      {"blank_skip_prob", &options.blank_skip_prob}, {"lm_weight", &options.lm_weight},
      {"word_bonus", &options.word_bonus},           {"unknown_word_score", &options.unknown_word_score}};
  for (const auto& [known, field] : numbers) {
    if (name != known) continue;
    *field = option_value<double>(option, value, "a number");
    return;
  }
  throw fastctc::OptionError("There is no option " + option + ".");
}

// The same. language_model, hot_words and lexicon are _core's objects, or None.
inline fastctc::DecoderOptions decoder_options(const py::dict& fields) {
  fastctc::DecoderOptions options;
  for (const auto& field : fields) {
    const std::string name = py::str(field.first);
    const py::handle value = field.second;
    if (name == "kind") {
      options.kind = option_choice<fastctc::DecoderKind>(
          "decoder.kind", value, {{"greedy", fastctc::DecoderKind::greedy}, {"beam", fastctc::DecoderKind::beam}});
    } else if (name == "confidence") {
      options.confidence = confidence_options(option_value<py::dict>("decoder.confidence", value, "a dict"));
    } else if (name == "language_model") {
      options.language_model =
          option_object<fastctc::LanguageModel>("decoder.language_model", value, "a LanguageModel");
    } else if (name == "lm_unit") {
      options.lm_unit = option_choice<fastctc::LanguageModelUnit>(
          "decoder.lm_unit", value,
          {{"word", fastctc::LanguageModelUnit::word}, {"token", fastctc::LanguageModelUnit::token}});
    } else if (name == "score_sentence_end") {
      options.score_sentence_end = option_value<bool>("decoder.score_sentence_end", value, "true or false");
    } else if (name == "hot_words") {
      options.hot_words = option_object<fastctc::HotWords>("decoder.hot_words", value, "HotWords");
    } else if (name == "lexicon") {
      options.lexicon = option_object<fastctc::Lexicon>("decoder.lexicon", value, "a Lexicon");
    } else {
      set_decoder_number(options, name, value);
    }
  }
  return options;
}

}  // namespace fastctc_bindings
