// Lexicons from lines of text.
#pragma once

#include <memory>
#include <string>

#include "base/text_lines.h"
#include "fastctc/lexicon.h"

namespace fastctc {

// What Lexicon::read does with an open file.
std::shared_ptr<const Lexicon> parse_lexicon(TextLines& lines, const Vocabulary& vocabulary,
                                             const std::string& word_end, OutOfLexicon out_of_lexicon);

}  // namespace fastctc
