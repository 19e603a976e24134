// CTC forced alignment.
#pragma once

#include <vector>

#include "fastctc/export.h"
#include "fastctc/options.h"
#include "fastctc/types.h"

namespace fastctc {

// The most likely path of a given token sequence (Viterbi over blank, y1, blank, y2, ... blank; Graves et al. 2006,
// with max for sum), exact. score: log-prob of that path, blanks included. A token's run is the frames that the path
// spends on it; its confidence is aggregated over them.
// Memory grows with frames + tokens * sqrt(frames): the scores are kept at checkpoints and computed anew between them.
// Ties: the path that enters a state later.
// Raises OptionError on ids out of range or blank; AlignmentError when the tokens need more frames than there are (one
// a token, and one blank between equal neighbours), with both numbers; ModelError on NaN.
FASTCTC_API Hypothesis align(LogProbsView log_probs, const std::vector<int>& token_ids, int blank_id,
                             const ConfidenceOptions& confidence = ConfidenceOptions());

}  // namespace fastctc
