#pragma once

#include <cstddef>
#include <vector>

#include "fastctc/options.h"

namespace fastctc::frontend {

// Features of an utterance in blocks of frames_per_block frames: the value of (feature, frame) stands at
// values[(frame / frames_per_block * n_features + feature) * stride + frame % frames_per_block].
// frames_per_block is a multiple of 8, or the utterance is one block.
struct FeatureBlocks {
  float* values;
  std::size_t n_features;
  std::size_t n_frames;
  std::size_t frames_per_block;
  std::size_t stride;
};

// Whether no frame is known before the utterance ends.
bool needs_whole_utterance(Normalize normalize);

// In place, by the formulas of fastctc/options.h, sums in float64. The result does not depend on the blocks.
void normalize(const FrontendOptions& options, const FeatureBlocks& features);

}  // namespace fastctc::frontend
