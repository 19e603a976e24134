// A hypothesis in frames to a transcript in seconds.
#pragma once

#include "fastctc/types.h"
#include "fastctc/vocabulary.h"

namespace fastctc {

// frame_s: seconds an output frame; frame t starts at t * frame_s. duration_s: of the audio; no time lies past it,
// though the last frames may.
// A word runs from its first token to its last and is as sure as the least sure of them; the transcript is as sure
// as its words on average, 1 without words. Raises OptionError on a token that is not in the vocabulary.
Transcript assemble(const Hypothesis& hypothesis, const Vocabulary& vocabulary, double frame_s, double duration_s);

}  // namespace fastctc
