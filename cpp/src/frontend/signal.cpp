#include "frontend/signal.h"

#include <algorithm>

#include "frontend/dither.h"

namespace fastctc::frontend {
namespace {

std::int64_t samples_before_first_frame(const FrontendOptions& options) {
  const std::int64_t win = options.win_length_samples, hop = options.hop_length_samples, n_fft = options.n_fft;
  switch (options.framing) {
    case Framing::centered:
      // The window stands in the middle of n_fft samples (torch.stft), half of which come before sample 0.
      return n_fft / 2 - (n_fft - win) / 2;
    case Framing::kaldi_round:
      return win / 2 - hop / 2;
    case Framing::snip_edges:
      break;
  }
  return 0;
}

}  // namespace

bool dithers_frames(const FrontendOptions& options) {
  return options.dither > 0 && options.framing != Framing::centered;
}

Signal::Signal(const FrontendOptions& options, const Kernel& kernel)
    : kernel_(kernel),
      scale_(options.input_scale),
      preemphasis_(options.preemphasis_scope == PreemphasisScope::signal ? options.preemphasis : 0.0),
      dither_(dithers_frames(options) ? 0.0 : options.dither),
      dither_seed_(options.dither_seed),
      n_before_(samples_before_first_frame(options)),
      edge_(options.framing != Framing::centered   ? Edge::mirror
            : options.pad_mode == PadMode::reflect ? Edge::reflect
                                                   : Edge::zero) {}

std::int64_t Signal::n_needed_to_start() const {
  if (edge_ == Edge::zero || n_before_ <= 0) return 0;
  return edge_ == Edge::reflect ? n_before_ + 1 : n_before_;
}

// Scaled, dithered, pre-emphasised; the same operations as the kernels' arrange_samples.
double Signal::at(const SignalView& view, std::int64_t s) const {
  const auto noise = [&](std::int64_t i) {
    return dither_ > 0 ? dither_ * gaussian_noise(dither_seed_, static_cast<std::uint64_t>(i)) : 0.0;
  };
  const float* sample = view.samples + (s - view.first);
  const double scaled = sample[0] * scale_ + noise(s);
  // The first sample is not filtered: y[0] = x[0].
  if (s == 0 || preemphasis_ == 0) return scaled;
  return scaled - (sample[-1] * (scale_ * preemphasis_) + noise(s - 1) * preemphasis_);
}

double Signal::extended(const SignalView& view, std::int64_t s) const {
  const std::int64_t n = view.end;
  if (s >= 0 && s < n) return at(view, s);
  if (edge_ == Edge::zero || n == 0) return 0.0;
  // reflect: ... 2 1 | 0 1 2 ... n-1 | n-2 ..., as numpy.pad also where the signal is shorter than the padding;
  // mirror: ... 1 0 | 0 1 2 ... n-1 | n-1 ..., Kaldi.
  const std::int64_t period = edge_ == Edge::reflect ? std::max<std::int64_t>(2 * (n - 1), 1) : 2 * n;
  std::int64_t place = s % period;
  if (place < 0) place += period;
  if (place >= n) place = edge_ == Edge::reflect ? period - place : period - 1 - place;
  return at(view, place);
}

void Signal::arrange(const SignalView& view, std::int64_t start, std::size_t n_samples, std::size_t hop,
                     std::size_t n_columns, std::size_t row_stride, double* buffer, double* columns) const {
  const std::int64_t stop = start + static_cast<std::int64_t>(n_columns * hop);
  if (start > 0 && stop <= view.end && dither_ <= 0) {
    return kernel_.arrange_samples(view.samples + (start - view.first), scale_, preemphasis_, hop, n_columns,
                                   row_stride, columns);
  }
  for (std::size_t i = 0; i < n_samples; ++i) buffer[i] = extended(view, start + static_cast<std::int64_t>(i));
  std::fill(buffer + n_samples, buffer + n_columns * hop, 0.0);
  kernel_.arrange(buffer, hop, n_columns, row_stride, columns);
}

}  // namespace fastctc::frontend
