#include "fastctc/frontend.h"

#include <algorithm>
#include <string>

#include "audio/samples.h"
#include "fastctc/audio.h"
#include "fastctc/error.h"
#include "frontend/any_rate.h"
#include "frontend/fbank_kernel_choice.h"
#include "frontend/frontend_impl.h"
#include "frontend/normalize.h"

namespace fastctc {
namespace {

constexpr std::size_t kPieceFrames = 64;

const FrontendOptions& validated(const FrontendOptions& options) {
  validate(options);
  return options;
}

}  // namespace

Frontend::Impl::Impl(const FrontendOptions& options)
    : options_(validated(options)), kernel_(frontend::choose_kernel(options.instruction_set)) {
  if (options.kind == FeatureKind::log_mel) fbank_ = std::make_unique<const frontend::Fbank>(options);
}

std::size_t Frontend::Impl::n_columns(std::size_t n_samples) const {
  const std::size_t n_valid = n_frames(n_samples);
  if (options_.pad_to == 0) return n_valid;
  const bool is_centered = fbank_ && options_.framing == Framing::centered;
  // NeMo pads the columns of its STFT, of which there are n / hop + 1.
  const std::size_t n = is_centered ? n_samples / static_cast<std::size_t>(options_.hop_length_samples) + 1 : n_valid;
  const std::size_t multiple = static_cast<std::size_t>(options_.pad_to);
  return (n + multiple - 1) / multiple * multiple;
}

void Frontend::Impl::compute(const frontend::SignalView& view, std::size_t first, std::size_t n_frames, float* output,
                             std::size_t stride, frontend::FbankScratch& scratch) const {
  if (fbank_) return fbank_->compute(view, first, n_frames, output, stride, scratch);
  const float* samples = view.samples + (static_cast<std::int64_t>(first) - view.first);
  for (std::size_t i = 0; i < n_frames; ++i) output[i] = static_cast<float>(samples[i] * options_.input_scale);
}

Frontend::Frontend(const FrontendOptions& options) : impl_(std::make_shared<const Impl>(options)) {}
Frontend::~Frontend() = default;
Frontend::Frontend(Frontend&&) noexcept = default;
Frontend& Frontend::operator=(Frontend&&) noexcept = default;

const FrontendOptions& Frontend::options() const { return impl_->options(); }
std::size_t Frontend::n_features() const { return impl_->n_features(); }
std::size_t Frontend::n_frames(std::size_t n_samples) const { return impl_->n_frames(n_samples); }
const char* Frontend::instruction_set() const { return impl_->instruction_set(); }

Features Frontend::compute(AudioView audio) const {
  const int rate_hz = options().sample_rate_hz;
  if (audio.sample_rate_hz != 0 && audio.sample_rate_hz != rate_hz) {
    throw AudioError("The audio has " + std::to_string(audio.sample_rate_hz) +
                     " samples per second but the front end works at " + std::to_string(rate_hz) +
                     " Hz; resample it first.");
  }
  Features features;
  features.n_features = n_features();
  features.n_valid_frames = n_frames(audio.n_samples);
  features.n_frames = impl_->n_columns(audio.n_samples);
  features.values.resize(features.n_features * features.n_frames, static_cast<float>(options().pad_value));

  // The same steps as a stream that is given everything and then finished, on the caller's own samples. Pieces are
  // checked just before they are computed, while they are in the cache.
  const frontend::SignalView view{audio.samples, 0, static_cast<std::int64_t>(audio.n_samples)};
  frontend::FbankScratch scratch;
  std::size_t n_checked = 0;
  for (std::size_t first = 0; first < features.n_valid_frames; first += kPieceFrames) {
    const std::size_t n = std::min(kPieceFrames, features.n_valid_frames - first);
    const std::size_t n_to_check = audio.n_samples / features.n_valid_frames * n;
    check_samples(audio.samples + n_checked, n_to_check, n_checked, kLoudestResampled);
    n_checked += n_to_check;
    impl_->compute(view, first, n, features.values.data() + first, features.n_frames, scratch);
  }
  check_samples(audio.samples + n_checked, audio.n_samples - n_checked, n_checked, kLoudestResampled);
  frontend::normalize(options(), {features.values.data(), features.n_features, features.n_valid_frames,
                                  std::max<std::size_t>(features.n_valid_frames, 1), features.n_frames});
  return features;
}

Features frontend::compute_at_any_rate(const Frontend& frontend, AudioView audio) {
  const int rate_hz = frontend.options().sample_rate_hz;
  if (audio.sample_rate_hz == 0 || audio.sample_rate_hz == rate_hz) return frontend.compute(audio);
  const std::vector<float> samples = resample(audio, rate_hz);
  return frontend.compute({samples.data(), samples.size(), rate_hz});
}

}  // namespace fastctc
