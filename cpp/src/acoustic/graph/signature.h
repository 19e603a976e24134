// What a graph's inputs and outputs are for.
#pragma once

#include <string>
#include <vector>

#include "fastctc/acoustic_model.h"

namespace fastctc {

// Fills layout, audio_input, length_input, output, length_output, cache_aware, n_features and n_tokens from inputs
// and outputs. Raises ModelError that lists them and says what is expected.
void recognize_signature(const std::string& graph_path, GraphInfo& info);

// "audio_signal float32 [?, 80, ?], length int64 [?]", for messages.
std::string describe(const std::vector<GraphInfo::Tensor>& tensors);

}  // namespace fastctc
