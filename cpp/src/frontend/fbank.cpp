#include "frontend/fbank.h"

#include <algorithm>

#include "frontend/dither.h"
#include "frontend/fbank_kernel_choice.h"
#include "frontend/window.h"

namespace fastctc::frontend {
namespace {

// Frames whose samples are arranged together. Fewer: more samples are arranged twice (a frame reaches into the columns
// of the next ones). More: the columns leave the cache.
constexpr std::size_t kBlockFrames = 32;
constexpr std::size_t kMaxLanes = 8;
static_assert(kBlockFrames % kMaxLanes == 0, "a block is whole groups of lanes");

constexpr double kKaldiEnergyFloor = 1.1920928955078125e-07;  // FLT_EPSILON, Kaldi's own floor under the energy

}  // namespace

Fbank::Fbank(const FrontendOptions& options)
    : kernel_(choose_kernel(options.instruction_set)),
      signal_(options, kernel_),
      fft_(static_cast<std::size_t>(options.n_fft)),
      bank_(make_mel_bank(options)),
      window_(make_window(options)),
      framing_(options.framing),
      frame_count_(options.frame_count),
      frame_dither_(dithers_frames(options) ? options.dither : 0.0),
      dither_seed_(options.dither_seed) {
  const std::size_t win = window_.size(), hop = static_cast<std::size_t>(options.hop_length_samples);
  n_reached_columns_ = (win - 1) / hop;
  // Rows start aligned to the widest vector.
  row_stride_ = (kBlockFrames + n_reached_columns_ + kMaxLanes - 1) / kMaxLanes * kMaxLanes;
  for (double& weight : window_) weight *= 0.5;
  for (std::size_t i = 0; i < win; ++i) {
    sample_offset_.push_back(static_cast<std::uint32_t>(i % hop * row_stride_ + i / hop));
  }
  if (win % 2 == 1) {
    window_.push_back(0.0);
    sample_offset_.push_back(0);
  }

  tables_.fft = fft_.tables();
  tables_.win = win;
  tables_.hop = hop;
  tables_.sample_offset = sample_offset_.data();
  tables_.window = window_.data();
  tables_.n_mels = static_cast<std::size_t>(options.n_mels);
  tables_.mel_edges = bank_.edges.data();
  tables_.mel_weights = bank_.weights.data();
  tables_.power_exponent = options.mag_power / 2.0;
  tables_.use_log = options.use_log;
  tables_.guard_clamps = options.log_guard == LogGuard::clamp;
  tables_.guard = options.log_guard_value;
  tables_.remove_dc_offset = options.remove_dc_offset;
  tables_.frame_preemphasis = options.preemphasis_scope == PreemphasisScope::frame ? options.preemphasis : 0.0;
  tables_.use_energy = options.use_energy;
  tables_.raw_energy = options.raw_energy;
  tables_.energy_floor = std::max(options.energy_floor, kKaldiEnergyFloor);
}

std::size_t Fbank::n_frames(std::size_t n_samples) const {
  const std::size_t hop = tables_.hop;
  switch (framing_) {
    case Framing::snip_edges:
      return n_samples < tables_.win ? 0 : (n_samples - tables_.win) / hop + 1;
    case Framing::kaldi_round:
      return (n_samples + hop / 2) / hop;
    case Framing::centered:
      break;
  }
  if (n_samples == 0) return 0;
  return n_samples / hop + (frame_count_ == FrameCount::floor_plus_one ? 1 : 0);
}

std::size_t Fbank::n_settled_frames(std::size_t n_samples) const {
  const std::int64_t n = static_cast<std::int64_t>(n_samples);
  const std::int64_t after_first = n + signal_.n_before() - static_cast<std::int64_t>(tables_.win);
  if (after_first < 0 || n < signal_.n_needed_to_start()) return 0;
  return std::min(n_frames(n_samples), static_cast<std::size_t>(after_first) / tables_.hop + 1);
}

std::size_t Fbank::first_needed_sample(std::size_t frame) const {
  // A window before the frame: as far as the reflection of an end inside the frame can reach, predecessor included.
  const std::int64_t margin = static_cast<std::int64_t>(tables_.win) + 4;
  const std::int64_t start = static_cast<std::int64_t>(frame * tables_.hop) - signal_.n_before();
  return static_cast<std::size_t>(std::max<std::int64_t>(0, start - margin));
}

void Fbank::prepare(FbankScratch& scratch) const {
  scratch.signal.resize(row_stride_ * tables_.hop);
  scratch.columns.resize(row_stride_ * tables_.hop);
  scratch.kernel.resize((tables_.fft.scratch_vectors + tables_.n_mels) * kernel_.n_lanes);
  if (frame_dither_ > 0) scratch.noise.resize(tables_.win * kernel_.n_lanes);
}

void Fbank::fill_columns(const SignalView& view, std::size_t first, std::size_t n_frames, FbankScratch& scratch) const {
  const std::size_t hop = tables_.hop;
  // Lanes past the last frame read columns too: whole groups.
  const std::size_t n_lane_frames = (n_frames + kernel_.n_lanes - 1) / kernel_.n_lanes * kernel_.n_lanes;
  const std::size_t n_columns = n_lane_frames + n_reached_columns_;
  const std::size_t n_samples = (n_frames - 1) * hop + tables_.win;
  const std::int64_t start = static_cast<std::int64_t>(first * hop) - signal_.n_before();
  signal_.arrange(view, start, n_samples, hop, n_columns, row_stride_, scratch.signal.data(), scratch.columns.data());
}

const double* Fbank::fill_noise(std::size_t first, FbankScratch& scratch) const {
  if (frame_dither_ <= 0) return nullptr;
  double* noise = scratch.noise.data();
  for (std::size_t i = 0; i < tables_.win; ++i) {
    for (std::size_t lane = 0; lane < kernel_.n_lanes; ++lane) {
      const std::uint64_t counter = (static_cast<std::uint64_t>(first + lane) << 32) + i;
      *noise++ = frame_dither_ * gaussian_noise(dither_seed_, counter);
    }
  }
  return scratch.noise.data();
}

void Fbank::compute(const SignalView& view, std::size_t first, std::size_t n_frames, float* output, std::size_t stride,
                    FbankScratch& scratch) const {
  prepare(scratch);
  for (std::size_t done = 0; done < n_frames; done += kBlockFrames) {
    const std::size_t n_block = std::min(kBlockFrames, n_frames - done);
    fill_columns(view, first + done, n_block, scratch);
    for (std::size_t i = 0; i < n_block; i += kernel_.n_lanes) {
      kernel_.features(tables_, scratch.columns.data() + i, fill_noise(first + done + i, scratch),
                       scratch.kernel.data(), output + done + i, stride, std::min(kernel_.n_lanes, n_block - i));
    }
  }
}

}  // namespace fastctc::frontend
