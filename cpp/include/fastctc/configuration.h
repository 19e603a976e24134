// Options from text, under the names that options.h gives them: for configuration files, command lines, C.
#pragma once

#include <string>

#include "fastctc/export.h"
#include "fastctc/options.h"
#include "fastctc/vocabulary.h"

namespace fastctc {

// What Recognizer::load takes.
struct LoadOptions {
  ModelOptions model;
  SessionOptions session;
};

// Sets what a JSON object (UTF-8) names and leaves the rest; null is "not named". An object stands where options.h has
// a struct; enumerations stand by their names, numbers and true/false also as strings. LoadOptions has the fields of
// ModelOptions and an object `session`.
//
//   {"normalize": "none", "frontend": {"n_mels": 80}, "session": {"intra_op_threads": 2}}
//   {"latency_ms": 80, "endpoint": {"max_length_s": 0}, "decoder": {"kind": "beam", "hot_words": ["account number"]}}
//
// Of a decoder, language_model is a path (language_model.h); lexicon a path, or {"path": ..., "word_end": ...,
// "out_of_lexicon": "allow"} (lexicon.h); hot_words a list of phrases, an object of phrases with their bonuses, or a
// string with a phrase per line: "PHRASE" or "PHRASE:BONUS" (hot_words.h; the bonus is 5 where none is given), of the
// lexicon's words where one is set with them or was before. Their files are read here: keep the options for further
// calls. Raises OptionError that names what is unknown, of the wrong type or out of range, and then has set nothing; of
// a decoder also as LanguageModel::read, HotWords and Lexicon::read.
FASTCTC_API void set_options(LoadOptions& options, const std::string& json);
FASTCTC_API void set_options(DecoderOptions& options, const std::string& json, const Vocabulary& vocabulary);
FASTCTC_API void set_options(LongFormOptions& options, const std::string& json, const Vocabulary& vocabulary);
FASTCTC_API void set_options(StreamOptions& options, const std::string& json, const Vocabulary& vocabulary);
FASTCTC_API void set_options(ConversationOptions& options, const std::string& json);

// Every option as JSON, in groups (load, session, frontend, recording, stream, conversation): an array of objects
// {name, type, unit, range, choices, default, says}; of a group of options {name, type, says, fields}. docs/options.md
// is made of it.
FASTCTC_API std::string describe_options();

// One option as a JSON object; a dot in the name stands for a struct of options.h: "decoder.beam_size" = "8" gives
// {"decoder": {"beam_size": "8"}}. A value that starts with { or [ is JSON itself. Raises OptionError.
FASTCTC_API std::string option_json(const std::string& name, const std::string& value);

}  // namespace fastctc
