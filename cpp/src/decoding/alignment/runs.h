// A path of states as tokens with their frames.
#pragma once

#include <cstddef>
#include <vector>

#include "decoding/alignment/trellis.h"
#include "fastctc/confidence.h"
#include "fastctc/options.h"
#include "fastctc/types.h"

namespace fastctc {

// log_prob_of(frame, token): of the token at that place of the text; confidence_of(frame).
template <class LogProbOf, class ConfidenceOf>
Hypothesis make_hypothesis(const BestPath& path, const std::vector<int>& token_ids, ConfidenceAggregation aggregation,
                           LogProbOf&& log_prob_of, ConfidenceOf&& confidence_of) {
  Hypothesis result;
  result.score = result.acoustic_score = path.score;
  result.tokens.reserve(token_ids.size());
  std::vector<float> confidences;
  for (std::size_t frame = 0; frame < path.states.size();) {
    const std::size_t state = path.states[frame];
    const std::size_t begin = frame;
    double log_prob = 0;
    confidences.clear();
    for (; frame < path.states.size() && path.states[frame] == state; ++frame) {
      if (state % 2 == 0) continue;
      log_prob += static_cast<double>(log_prob_of(frame, state / 2));
      confidences.push_back(confidence_of(frame));
    }
    if (state % 2 == 0) continue;
    result.tokens.push_back({token_ids[state / 2], begin, frame, static_cast<float>(log_prob),
                             aggregate(confidences.data(), confidences.size(), aggregation)});
  }
  return result;
}

}  // namespace fastctc
