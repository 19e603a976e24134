#include <algorithm>
#include <utility>
#include <vector>

#include "longform/join.h"
#include "longform/log_probs_source.h"
#include "longform/window_plan.h"

namespace fastctc::longform {
namespace {

class Windows : public Source {
 public:
  Windows(const Frontend& frontend, const AcousticModel& model, std::size_t blank_id, const LongFormOptions& options)
      : frontend_(frontend), model_(model), blank_id_(blank_id), plan_(plan_windows(frontend, model, options)) {}

  void push(const float* samples, std::size_t n_samples) override {
    samples_.insert(samples_.end(), samples, samples + n_samples);
    n_pushed_ += n_samples;
    // Runs only windows that can't be the last.
    while (n_pushed_ > next_start_ + plan_.window) {
      run(next_start_, plan_.window);
      next_start_ += plan_.shift;
      drop_unneeded_samples();
    }
  }

  void finish() override {
    const std::size_t start = n_pushed_ > plan_.window ? plan_.last_start(n_pushed_) : 0;
    run(start, n_pushed_ - start);
    give(held_from_ + n_held());  // no window follows
  }

  LogProbs take() override {
    LogProbs taken = std::exchange(ready_, {});
    ready_.n_tokens = taken.n_tokens;
    return taken;
  }

  const char* method() const override { return "windows"; }

 private:
  // Log-probs of one window, joined to those held.
  void run(std::size_t start, std::size_t n_samples) {
    LogProbs window = model_.run(frontend_.compute({samples_.data() + (start - samples_from_), n_samples, 0}));
    const std::size_t from = start / plan_.frame_samples;
    ready_.n_tokens = n_tokens_ = window.n_tokens;
    if (start == 0) {
      held_ = std::move(window.values);
      return;
    }
    const std::size_t end = std::min(held_from_ + n_held(), from + window.n_frames);
    const std::size_t first = std::max(held_from_, from + plan_.margin_frames);
    const std::size_t last = std::max(end - plan_.margin_frames, first + 1);
    const std::size_t join =
        first + find_join(held_.data() + (first - held_from_) * n_tokens_,
                          window.values.data() + (first - from) * n_tokens_, last - first, n_tokens_, blank_id_);
    give(join);
    held_from_ = join;
    held_.assign(window.values.begin() + static_cast<std::ptrdiff_t>((join - from) * n_tokens_), window.values.end());
  }

  // The held frames before `end` are ready.
  void give(std::size_t end) {
    const std::size_t n_frames = end - held_from_;
    ready_.values.insert(ready_.values.end(), held_.begin(),
                         held_.begin() + static_cast<std::ptrdiff_t>(n_frames * n_tokens_));
    ready_.n_frames += n_frames;
  }

  std::size_t n_held() const { return n_tokens_ == 0 ? 0 : held_.size() / n_tokens_; }

  // The last window may start anywhere after the start of the one before.
  void drop_unneeded_samples() {
    const std::size_t needed_from = next_start_ - plan_.shift;
    samples_.erase(samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(needed_from - samples_from_));
    samples_from_ = needed_from;
  }

  const Frontend& frontend_;
  const AcousticModel& model_;
  std::size_t blank_id_;
  WindowPlan plan_;
  std::vector<float> samples_;  // from sample samples_from_ on
  std::size_t samples_from_ = 0;
  std::size_t n_pushed_ = 0;
  std::size_t next_start_ = 0;  // of a window, in samples
  std::vector<float> held_;     // log-probs of the last window from frame held_from_ on: the next one may replace some
  std::size_t held_from_ = 0;
  std::size_t n_tokens_ = 0;
  LogProbs ready_;
};

}  // namespace

std::unique_ptr<Source> make_windows(const Frontend& frontend, const AcousticModel& model, std::size_t blank_id,
                                     const LongFormOptions& options) {
  return std::make_unique<Windows>(frontend, model, blank_id, options);
}

}  // namespace fastctc::longform
