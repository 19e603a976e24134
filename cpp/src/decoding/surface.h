// What each token adds to the text.
#pragma once

#include <string>
#include <vector>

#include "fastctc/vocabulary.h"

namespace fastctc {

// Of every token, in the order of ids; the blank's is empty. Joined, they are the text of a token sequence with single
// spaces where words meet, but for spaces at its ends; bytes of byte pieces are as they are.
std::vector<std::string> surfaces(const Vocabulary& vocabulary);

}  // namespace fastctc
