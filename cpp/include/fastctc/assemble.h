// A hypothesis in frames to a transcript in seconds.
#pragma once

#include "fastctc/export.h"
#include "fastctc/options.h"
#include "fastctc/types.h"
#include "fastctc/vocabulary.h"

namespace fastctc {

// frame_s: seconds per output frame; frame t starts at t * frame_s. duration_s: of the audio; no time lies past it,
// though the last frames may.
// A word runs from its first token to its last; its confidence is aggregated over them, its score is their log-probs'
// sum over the number of their frames. The transcript is as sure as its words on average, 1 without words. Words and
// text are the hypothesis' own where it has any (of a lexicon). Raises OptionError on a token that is not in the
// vocabulary.
FASTCTC_API Transcript assemble(const Hypothesis& hypothesis, const Vocabulary& vocabulary, double frame_s,
                                double duration_s, ConfidenceAggregation aggregation = ConfidenceAggregation::min);

}  // namespace fastctc
