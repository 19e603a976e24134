#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "audio/samples.h"
#include "fastctc/error.h"
#include "frontend/frontend_impl.h"
#include "frontend/normalize.h"

namespace fastctc {
namespace {

// Frames of a held block, for normalisations over the utterance.
constexpr std::size_t kHeldFrames = 64;

// Lets one thread in at a time; a second one gets an error instead of a data race.
class Turn {
 public:
  explicit Turn(std::atomic_flag& busy) : busy_(busy) {
    if (busy_.test_and_set(std::memory_order_acquire)) {
      throw Error("This FrontendStream is in use by another thread; give each thread a stream of its own.");
    }
  }
  ~Turn() { busy_.clear(std::memory_order_release); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::atomic_flag& busy_;
};

}  // namespace

class FrontendStream::Impl {
 public:
  explicit Impl(std::shared_ptr<const Frontend::Impl> frontend)
      : frontend_(std::move(frontend)), holds_(frontend::needs_whole_utterance(frontend_->options().normalize)) {}

  void push(const float* samples, std::size_t n_samples) {
    const Turn turn(busy_);
    if (is_finished_) throw AudioError("The stream is finished; reset it before pushing another utterance.");
    check_samples(samples, n_samples, n_pushed_, kLoudestResampled);
    drop_unneeded_samples();
    samples_.insert(samples_.end(), samples, samples + n_samples);
    n_pushed_ += n_samples;
    if (holds_) hold(frontend_->n_settled_frames(n_pushed_) / kHeldFrames * kHeldFrames);
  }

  void finish() {
    const Turn turn(busy_);
    if (is_finished_) return;
    is_finished_ = true;
    if (!holds_) return;
    hold(frontend_->n_frames(n_pushed_));
    frontend::normalize(frontend_->options(),
                        {held_.data(), frontend_->n_features(), n_computed_, kHeldFrames, kHeldFrames});
  }

  std::size_t n_ready_frames() {
    const Turn turn(busy_);
    return n_ready();
  }

  void take(float* output, std::size_t n_frames, std::size_t stride) {
    const Turn turn(busy_);
    if (n_frames > n_ready()) {
      throw OptionError("Cannot take " + std::to_string(n_frames) + " frames: " + std::to_string(n_ready()) +
                        " are ready. Ask n_ready_frames() first.");
    }
    if (n_frames == 0) return;
    if (output == nullptr || stride < n_frames) {
      throw OptionError("Cannot take " + std::to_string(n_frames) + " frames into rows of " + std::to_string(stride) +
                        ".");
    }
    if (holds_) {
      copy_held(output, n_frames, stride);
    } else {
      frontend_->compute(view(), n_taken_, n_frames, output, stride, scratch_);
      frontend::normalize(frontend_->options(), {output, frontend_->n_features(), n_frames, n_frames, stride});
      n_computed_ += n_frames;
    }
    n_taken_ += n_frames;
  }

  void reset() {
    const Turn turn(busy_);
    samples_.clear();
    held_.clear();
    n_dropped_ = n_pushed_ = n_computed_ = n_taken_ = 0;
    is_finished_ = false;
  }

 private:
  std::size_t n_ready() const {
    if (holds_ && !is_finished_) return 0;
    return (is_finished_ ? frontend_->n_frames(n_pushed_) : frontend_->n_settled_frames(n_pushed_)) - n_taken_;
  }

  frontend::SignalView view() const {
    return {samples_.data(), static_cast<std::int64_t>(n_dropped_), static_cast<std::int64_t>(n_pushed_)};
  }

  // Waits until as many samples go as stay, so that each sample is moved at most once on average.
  void drop_unneeded_samples() {
    const std::size_t needed = std::min(frontend_->first_needed_sample(n_computed_), n_pushed_);
    const std::size_t n_unneeded = needed > n_dropped_ ? needed - n_dropped_ : 0;
    if (n_unneeded == 0 || n_unneeded < samples_.size() - n_unneeded) return;
    samples_.erase(samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(n_unneeded));
    n_dropped_ += n_unneeded;
  }

  // Computes frames up to n_frames into the blocks.
  void hold(std::size_t n_frames) {
    const std::size_t block_size = frontend_->n_features() * kHeldFrames;
    held_.resize((n_frames + kHeldFrames - 1) / kHeldFrames * block_size);
    while (n_computed_ < n_frames) {
      const std::size_t n = std::min(kHeldFrames, n_frames - n_computed_);
      frontend_->compute(view(), n_computed_, n, held_.data() + n_computed_ / kHeldFrames * block_size, kHeldFrames,
                         scratch_);
      n_computed_ += n;
    }
  }

  void copy_held(float* output, std::size_t n_frames, std::size_t stride) const {
    const std::size_t n_features = frontend_->n_features();
    for (std::size_t done = 0; done < n_frames;) {
      const std::size_t frame = n_taken_ + done, at = frame % kHeldFrames;
      const std::size_t n = std::min(kHeldFrames - at, n_frames - done);
      const float* block = held_.data() + frame / kHeldFrames * n_features * kHeldFrames + at;
      for (std::size_t feature = 0; feature < n_features; ++feature) {
        std::copy_n(block + feature * kHeldFrames, n, output + feature * stride + done);
      }
      done += n;
    }
  }

  std::shared_ptr<const Frontend::Impl> frontend_;
  bool holds_;                  // the normalisation needs the whole utterance
  std::vector<float> samples_;  // from sample n_dropped_ on
  std::vector<float> held_;     // blocks of kHeldFrames frames, feature-major
  frontend::FbankScratch scratch_;
  std::size_t n_dropped_ = 0;
  std::size_t n_pushed_ = 0;
  std::size_t n_computed_ = 0;  // frames
  std::size_t n_taken_ = 0;     // frames
  bool is_finished_ = false;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

FrontendStream::FrontendStream(const Frontend& frontend) : impl_(std::make_unique<Impl>(frontend.impl_)) {}
FrontendStream::~FrontendStream() = default;
FrontendStream::FrontendStream(FrontendStream&&) noexcept = default;
FrontendStream& FrontendStream::operator=(FrontendStream&&) noexcept = default;

void FrontendStream::push(const float* samples, std::size_t n_samples) { impl_->push(samples, n_samples); }
void FrontendStream::finish() { impl_->finish(); }
std::size_t FrontendStream::n_ready_frames() const { return impl_->n_ready_frames(); }
void FrontendStream::take(float* output, std::size_t n_frames, std::size_t stride) {
  impl_->take(output, n_frames, stride);
}
void FrontendStream::reset() { impl_->reset(); }

}  // namespace fastctc
