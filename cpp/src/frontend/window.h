#pragma once

#include <vector>

#include "fastctc/options.h"

namespace fastctc::frontend {

// The window's win_length_samples weights. Formulas: torch.signal.windows and Kaldi's feature-window.cc.
std::vector<double> make_window(const FrontendOptions& options);

}  // namespace fastctc::frontend
