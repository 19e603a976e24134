#include "fastctc/confidence.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "decoding/log_probs_row.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

// Sum of f(x) over the log-probs x of a frame, impossible tokens left out: they add nothing to any of the sums.
template <class F>
double sum_over(const float* log_probs, std::size_t n_tokens, F f) {
  double sum = 0;
  for (std::size_t id = 0; id < n_tokens; ++id) {
    const double x = static_cast<double>(log_probs[id]);
    if (x > -1e30) sum += f(x);
  }
  return sum;
}

double max_prob(const float* x, std::size_t n, double v, double a) {
  const double largest = static_cast<double>(x[find_largest(x, n)]);
  return (std::exp(a * largest) * std::pow(v, a) - 1) / (std::pow(v, a) - 1);
}

// sum p^a ln p
double gibbs_sum(const float* log_probs, std::size_t n, double a) {
  return sum_over(log_probs, n, [a](double x) { return std::exp(a * x) * x; });
}

// sum p^a
double power_sum(const float* log_probs, std::size_t n, double a) {
  return sum_over(log_probs, n, [a](double x) { return std::exp(a * x); });
}

// 1 + sum p^a ln p / (V^(1-a) ln V);  (e^(a sum p^a ln p) - m) / (1 - m), m = V^(-a V^(1-a))
double gibbs(const float* x, std::size_t n, double v, double a, bool is_linear) {
  const double sum = gibbs_sum(x, n, a);
  if (is_linear) return 1 + sum / std::log(v) / std::pow(v, 1 - a);
  const double least = std::pow(v, -a * std::pow(v, 1 - a));
  return (std::exp(a * sum) - least) / (1 - least);
}

// 1 + (1 - sum p^a) / (V^(1-a) - 1);  (e^((1 - sum p^a) / (1-a)) - m) / (1 - m), m = e^((1 - V^(1-a)) / (1-a))
double tsallis(const float* x, std::size_t n, double v, double a, bool is_linear) {
  const double sum = power_sum(x, n, a);
  if (is_linear) return 1 + (1 - sum) / (std::pow(v, 1 - a) - 1);
  const double least = std::exp((1 - std::pow(v, 1 - a)) / (1 - a));
  return (std::exp((1 - sum) / (1 - a)) - least) / (1 - least);
}

// 1 + log2(sum p^a) / ((a-1) log2 V);  ((sum p^a)^(1/(a-1)) V - 1) / (V - 1)
double renyi(const float* x, std::size_t n, double v, double a, bool is_linear) {
  const double sum = power_sum(x, n, a);
  if (is_linear) return 1 + std::log2(sum) / (a - 1) / std::log2(v);
  return (std::pow(sum, 1 / (a - 1)) * v - 1) / (v - 1);
}

}  // namespace

float frame_confidence(const float* log_probs, std::size_t n_tokens, const ConfidenceOptions& options) {
  if (n_tokens < 2) return 1;
  const double v = static_cast<double>(n_tokens);
  const double a = options.alpha;
  const bool is_linear = options.normalization == ConfidenceNormalization::linear;
  double value = 0;
  if (options.measure == ConfidenceMeasure::max_prob) {
    value = max_prob(log_probs, n_tokens, v, a);
  } else if (options.measure == ConfidenceMeasure::gibbs || a == 1) {
    value = gibbs(log_probs, n_tokens, v, a, is_linear);  // the limit of the other two for a = 1
  } else if (options.measure == ConfidenceMeasure::tsallis) {
    value = tsallis(log_probs, n_tokens, v, a, is_linear);
  } else {
    value = renyi(log_probs, n_tokens, v, a, is_linear);
  }
  // NeMo's Gibbs measure with alpha above 1 is less than 0 where many tokens are likely.
  const bool is_signed = options.measure == ConfidenceMeasure::gibbs && a > 1;
  return static_cast<float>(std::min(is_signed ? value : std::max(value, 0.0), 1.0));
}

float aggregate(const float* confidences, std::size_t n, ConfidenceAggregation aggregation) {
  if (n == 0) return 1;
  if (aggregation == ConfidenceAggregation::min) return *std::min_element(confidences, confidences + n);
  if (aggregation == ConfidenceAggregation::max) return *std::max_element(confidences, confidences + n);
  double result = aggregation == ConfidenceAggregation::mean ? 0 : 1;
  for (std::size_t i = 0; i < n; ++i) {
    const double value = static_cast<double>(confidences[i]);
    result = aggregation == ConfidenceAggregation::mean ? result + value : result * value;
  }
  return static_cast<float>(aggregation == ConfidenceAggregation::mean ? result / static_cast<double>(n) : result);
}

}  // namespace fastctc
