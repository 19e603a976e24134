#include "frontend/normalize.h"

#include <algorithm>
#include <cmath>

namespace fastctc::frontend {
namespace {

// Sum of f(value) over a feature's frames. Frame t goes to partial sum t % 8: one chain of additions would wait for
// itself, and blocks of a multiple of 8 frames give the same sums as one.
constexpr std::size_t kPartialSums = 8;

template <class Row>
void for_each_row(const FeatureBlocks& features, std::size_t feature, Row row) {
  for (std::size_t start = 0; start < features.n_frames; start += features.frames_per_block) {
    float* values =
        features.values + (start / features.frames_per_block * features.n_features + feature) * features.stride;
    row(values, std::min(features.frames_per_block, features.n_frames - start));
  }
}

template <class Function>
double sum_of(const FeatureBlocks& features, std::size_t feature, Function function) {
  double sums[kPartialSums] = {};
  for_each_row(features, feature, [&](const float* values, std::size_t n) {
    std::size_t t = 0;
    for (; t + kPartialSums <= n; t += kPartialSums) {
      for (std::size_t i = 0; i < kPartialSums; ++i) sums[i] += function(values[t + i]);
    }
    for (; t < n; ++t) sums[t % kPartialSums] += function(values[t]);
  });
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

double sum_of_values(const FeatureBlocks& features, std::size_t feature) {
  return sum_of(features, feature, [](float value) { return static_cast<double>(value); });
}

double sum_of_squared_deviations(const FeatureBlocks& features, std::size_t feature, double mean) {
  return sum_of(features, feature, [mean](float value) { return (value - mean) * (value - mean); });
}

void shift_and_scale(const FeatureBlocks& features, std::size_t feature, double mean, double scale) {
  for_each_row(features, feature, [=](float* values, std::size_t n) {
    for (std::size_t t = 0; t < n; ++t) values[t] = static_cast<float>((values[t] - mean) * scale);
  });
}

// NeMo's normalize_batch: the unbiased deviation, 0 of a single value, plus 1e-5.
double nemo_scale(double squares, double n) { return 1.0 / ((n > 1 ? std::sqrt(squares / (n - 1)) : 0.0) + 1e-5); }

void normalize_per_feature(const FeatureBlocks& features) {
  const double n = static_cast<double>(features.n_frames);
  for (std::size_t feature = 0; feature < features.n_features; ++feature) {
    const double mean = sum_of_values(features, feature) / n;
    shift_and_scale(features, feature, mean, nemo_scale(sum_of_squared_deviations(features, feature, mean), n));
  }
}

void normalize_all(const FeatureBlocks& features, bool as_nemo) {
  const double n = static_cast<double>(features.n_frames * features.n_features);
  double sum = 0, squares = 0;
  for (std::size_t feature = 0; feature < features.n_features; ++feature) sum += sum_of_values(features, feature);
  const double mean = sum / n;
  for (std::size_t feature = 0; feature < features.n_features; ++feature) {
    squares += sum_of_squared_deviations(features, feature, mean);
  }
  const double scale = as_nemo ? nemo_scale(squares, n) : 1.0 / std::sqrt(squares / n + 1e-7);
  for (std::size_t feature = 0; feature < features.n_features; ++feature) {
    shift_and_scale(features, feature, mean, scale);
  }
}

}  // namespace

bool needs_whole_utterance(Normalize normalize) {
  return normalize != Normalize::none && normalize != Normalize::fixed;
}

void normalize(const FrontendOptions& options, const FeatureBlocks& features) {
  if (features.n_frames == 0) return;
  switch (options.normalize) {
    case Normalize::none:
      return;
    case Normalize::fixed:
      for (std::size_t feature = 0; feature < features.n_features; ++feature) {
        shift_and_scale(features, feature, options.fixed_mean[feature], 1.0 / options.fixed_std[feature]);
      }
      return;
    case Normalize::per_feature:
      return normalize_per_feature(features);
    case Normalize::all_features:
      return normalize_all(features, true);
    case Normalize::utterance:
      return normalize_all(features, false);
  }
}

}  // namespace fastctc::frontend
