#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "acoustic/steps/streaming_model_impl.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

std::uint64_t next_ticket() {
  static std::atomic<std::uint64_t> count{0};
  return ++count;
}

// A log-prob of -infinity is a probability of 0.
bool is_score(float value) { return value <= std::numeric_limits<float>::max(); }

}  // namespace

AcousticStream::Impl::Impl(std::shared_ptr<const StreamingModel::Impl> model, StreamStart start)
    : model_(std::move(model)), features_(model_->graph().info().n_features) {
  model_->check_configured();
  const StreamingModel::Geometry& geometry = model_->geometry;
  // Zeros for the input of the first window's dropped output frames, or only for its frames of the past.
  n_start_zeros_ =
      static_cast<std::size_t>(start == StreamStart::aligned ? geometry.subsampling_factor * geometry.dropped_frames
                                                             : geometry.window_frames - geometry.chunk_frames);
  reset();
}

void AcousticStream::Impl::reset() {
  features_.clear();
  features_.push_zeros(n_start_zeros_);
  n_pending_ = n_pushed_ = n_windows_ = n_output_ = 0;
  caches_ = CacheSlot();
  log_probs_.clear();
  ticket_ = next_ticket();
  is_gathered_ = is_finished_ = false;
  failure_.clear();
}

void AcousticStream::Impl::check_usable() const {
  if (!failure_.empty()) throw EngineError(failure_);
}

void AcousticStream::Impl::check_finite(const float* features, std::size_t n_frames, std::size_t stride) const {
  for (std::size_t feature = 0; feature < model_->graph().info().n_features; ++feature) {
    const float* row = features + feature * stride;
    const float* bad = std::find_if(row, row + n_frames, [](float value) { return !std::isfinite(value); });
    if (bad == row + n_frames) continue;
    throw AudioError("Feature " + std::to_string(feature) + " of frame " +
                     std::to_string(n_pushed_ + static_cast<std::size_t>(bad - row)) +
                     " of the stream is not a finite number. Check the audio for NaN and infinite samples.");
  }
}

void AcousticStream::Impl::push(const float* features, std::size_t n_frames, std::size_t stride) {
  check_usable();
  if (is_finished_) throw OptionError("The stream is finished; reset it before pushing another utterance.");
  if (n_frames == 0) return;
  if (features == nullptr || stride < n_frames) {
    throw OptionError("Cannot push " + std::to_string(n_frames) + " frames from rows of " + std::to_string(stride) +
                      ".");
  }
  check_finite(features, n_frames, stride);
  features_.push(features, n_frames, stride);
  n_pending_ += n_frames;
  n_pushed_ += n_frames;
}

void AcousticStream::Impl::finish() {
  check_usable();
  is_finished_ = true;
}

std::size_t AcousticStream::Impl::next_frames() const {
  const auto n_window = static_cast<std::size_t>(model_->geometry.window_frames);
  return n_windows_ == 0 ? n_window - n_start_zeros_ : static_cast<std::size_t>(model_->geometry.chunk_frames);
}

bool AcousticStream::Impl::ready() const {
  if (is_gathered_ || !failure_.empty()) return false;
  return n_pending_ >= next_frames() || (is_finished_ && n_pending_ > 0);
}

std::size_t AcousticStream::Impl::n_window_frames() const {
  return std::min(features_.size(), static_cast<std::size_t>(model_->geometry.window_frames));
}

std::size_t AcousticStream::Impl::copy_window(float* target, std::size_t n_columns) const {
  return features_.copy(target, n_columns);
}

void AcousticStream::Impl::accept(const StreamingGraph::Step& step, std::size_t index) {
  try {
    append(step.output.item(index), step.output.lengths[index]);
  } catch (const Error& error) {
    fail(error.what());
    return;
  }
  model_->streaming.caches().accept(caches_, step.caches, index);
  n_pending_ -= std::min(n_pending_, next_frames());
  // The next window starts one chunk later, whichever this one was: its frames of the past stay.
  features_.drop(static_cast<std::size_t>(model_->geometry.chunk_frames));
  ++n_windows_;
}

void AcousticStream::Impl::append(const float* scores, std::size_t n_frames) {
  const std::size_t n_tokens = model_->graph().info().n_tokens;
  const float* end = scores + n_frames * n_tokens;
  const float* bad = std::find_if_not(scores, end, is_score);
  if (bad != end) {
    throw EngineError("The output of the graph " + model_->graph().path() + " for frame " +
                      std::to_string(n_output_ + static_cast<std::size_t>(bad - scores) / n_tokens) +
                      " of this stream is not finite, so the stream can't go on. Check its audio for absurd values, "
                      "then the graph's weights and the provider; reset() starts it anew.");
  }
  const std::size_t n_held = log_probs_.size();
  log_probs_.insert(log_probs_.end(), scores, end);
  try {
    model_->normalizer.normalize(model_->graph(), log_probs_.data() + n_held, n_frames, n_tokens);
  } catch (const Error&) {
    log_probs_.resize(n_held);
    throw;
  }
  n_output_ += n_frames;
}

void AcousticStream::Impl::fail(std::string message) {
  failure_ = std::move(message);
  features_.clear();
  n_pending_ = 0;
  caches_ = CacheSlot();
}

void AcousticStream::Impl::detach() { model_->streaming.caches().detach(caches_); }

LogProbs AcousticStream::Impl::take() {
  LogProbs result;
  result.n_tokens = model_->graph().info().n_tokens;
  result.n_frames = result.n_tokens ? log_probs_.size() / result.n_tokens : 0;
  result.values = std::exchange(log_probs_, {});
  return result;
}

AcousticStream::AcousticStream(const StreamingModel& model, StreamStart start) : impl_(new Impl(model.impl_, start)) {}
AcousticStream::~AcousticStream() = default;
AcousticStream::AcousticStream(AcousticStream&&) noexcept = default;
AcousticStream& AcousticStream::operator=(AcousticStream&&) noexcept = default;

void AcousticStream::push(const float* features, std::size_t n_frames, std::size_t stride) {
  impl_->push(features, n_frames, stride);
}
void AcousticStream::finish() { impl_->finish(); }
bool AcousticStream::ready() const { return impl_->ready(); }
bool AcousticStream::done() const { return impl_->done(); }
const std::string& AcousticStream::failure() const { return impl_->failure(); }
std::size_t AcousticStream::n_pending_frames() const { return impl_->n_pending(); }
LogProbs AcousticStream::take() { return impl_->take(); }
std::size_t AcousticStream::n_output_frames() const { return impl_->n_output(); }
void AcousticStream::detach() { impl_->detach(); }
void AcousticStream::reset() { impl_->reset(); }

}  // namespace fastctc
