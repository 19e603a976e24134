// What the options of a decoder name by path.
#pragma once

#include "fastctc/options.h"
#include "fastctc/vocabulary.h"
#include "options/option_values.h"

namespace fastctc {

// Reads the language model, lexicon and hot words that the object names into options whose other fields are set.
// Raises OptionError on options out of range; as LanguageModel::read, HotWords and Lexicon::read.
void read_decoder_files(DecoderOptions& options, const Json& json, const Vocabulary& vocabulary);

}  // namespace fastctc
