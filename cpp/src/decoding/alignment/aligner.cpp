#include "fastctc/aligner.h"

#include <cstddef>

#include "decoding/alignment/checks.h"
#include "decoding/alignment/runs.h"
#include "decoding/alignment/trellis.h"
#include "fastctc/confidence.h"

namespace fastctc {

Hypothesis align(LogProbsView log_probs, const std::vector<int>& token_ids, int blank_id,
                 const ConfidenceOptions& confidence) {
  validate(confidence);
  check_ids(token_ids, blank_id, log_probs.n_tokens);
  check_length(token_ids, log_probs.n_frames);
  std::vector<const float*> rows(log_probs.n_frames);
  for (std::size_t frame = 0; frame < rows.size(); ++frame) {
    rows[frame] = log_probs.values + frame * log_probs.n_tokens;
    check_row(rows[frame], log_probs.n_tokens, frame);
  }
  const BestPath path = find_best_path(rows, token_ids, blank_id);
  check_score(path.score);
  return make_hypothesis(
      path, token_ids, confidence.aggregation,
      [&](std::size_t frame, std::size_t token) { return rows[frame][token_ids[token]]; },
      [&](std::size_t frame) { return frame_confidence(rows[frame], log_probs.n_tokens, confidence); });
}

}  // namespace fastctc
