// Token lists on disk.
#pragma once

#include <string>
#include <vector>

namespace fastctc {

// The pieces of a token list in the order of their ids; the formats are those of Vocabulary::read.
// Raises ModelNotFoundError; ModelError where it can't be read; VocabularyError with the line number.
std::vector<std::string> read_token_list(const std::string& path);

// The same from the file's bytes; `name` stands in messages.
std::vector<std::string> parse_token_list(const std::string& bytes, const std::string& name);

}  // namespace fastctc
