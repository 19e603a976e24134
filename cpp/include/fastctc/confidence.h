// How sure the model is: NeMo's confidence measures.
#pragma once

#include <cstddef>

#include "fastctc/export.h"
#include "fastctc/options.h"

namespace fastctc {

// Of one frame, in [0, 1], from its natural-log probabilities [n_tokens]; V = n_tokens, a = alpha, p = exp(log_probs)
// (nemo/collections/asr/parts/utils/asr_confidence_utils.py, get_confidence_measure_bank). The formulas stand in
// confidence.cpp beside their code. A measure outside [0, 1] by rounding is clamped; gibbs with alpha above 1 may be
// below 0, as NeMo's.
FASTCTC_API float frame_confidence(const float* log_probs, std::size_t n_tokens, const ConfidenceOptions& options);

// Aggregates n confidences; 1 if n is 0.
FASTCTC_API float aggregate(const float* confidences, std::size_t n, ConfidenceAggregation aggregation);

}  // namespace fastctc
