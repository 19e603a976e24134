#include "longform/window_plan.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

#include "fastctc/error.h"

namespace fastctc::longform {
namespace {

// Feature frames. A window that starts at a multiple of this has the phase of the whole recording, in the subsampling
// and in a cache-aware model's attention chunks of 8 (r + 1) frames, r = 0, 1, 6, 13.
constexpr std::size_t kChunkFrames = 112;

// A window cuts words at its ends, and blanks there may be the missing half of a word.
constexpr double kMarginS = 1.0;

std::size_t hop_samples(const Frontend& frontend) {
  const FrontendOptions& options = frontend.options();
  return options.kind == FeatureKind::waveform ? 1 : static_cast<std::size_t>(options.hop_length_samples);
}

std::size_t round_down(std::size_t value, std::size_t multiple) { return value / multiple * multiple; }

}  // namespace

std::size_t WindowPlan::last_start(std::size_t n_samples) const {
  return (n_samples - window + alignment - 1) / alignment * alignment;
}

std::size_t max_samples(const Frontend& frontend, const AcousticModel& model) {
  const AcousticModel::Geometry& geometry = model.geometry();
  if (geometry.max_encoder_frames <= 0) return std::numeric_limits<std::size_t>::max();
  // One output frame less than the table has: causal subsampling gives one frame more than n / factor.
  const std::size_t n_frames = static_cast<std::size_t>(geometry.max_encoder_frames - 1);
  return n_frames * static_cast<std::size_t>(geometry.subsampling_factor) * hop_samples(frontend);
}

WindowPlan plan_windows(const Frontend& frontend, const AcousticModel& model, const LongFormOptions& options) {
  validate(options);
  const std::size_t factor = static_cast<std::size_t>(model.geometry().subsampling_factor);
  const double rate_hz = frontend.options().sample_rate_hz;
  const auto samples = [&](double seconds) { return static_cast<std::size_t>(seconds * rate_hz); };

  WindowPlan plan;
  plan.frame_samples = factor * hop_samples(frontend);
  plan.window = round_down(std::min(samples(options.window_s), max_samples(frontend, model)), plan.frame_samples);
  const std::size_t overlap = std::min(samples(options.overlap_s), plan.window / 2);
  // A waveform has no chunks, and a window of few chunks can't start at multiples of them.
  plan.alignment = plan.frame_samples;
  if (frontend.options().kind != FeatureKind::waveform) {
    plan.alignment = std::lcm(factor, kChunkFrames) * hop_samples(frontend);
  }
  if (plan.window < 4 * plan.alignment) plan.alignment = plan.frame_samples;
  plan.shift = round_down(plan.window - overlap, plan.alignment);
  if (plan.shift == 0) {
    throw OptionError("The model's position table has " + std::to_string(model.geometry().max_encoder_frames) +
                      " output frames (max_encoder_frames), too few for windows. Export the model with a larger "
                      "pos_emb_max_len.");
  }
  const std::size_t overlap_frames = (plan.window - plan.shift) / plan.frame_samples;
  plan.margin_frames = std::min(samples(kMarginS) / plan.frame_samples, overlap_frames / 4);
  return plan;
}

}  // namespace fastctc::longform
