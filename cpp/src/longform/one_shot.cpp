#include <utility>
#include <vector>

#include "frontend/any_rate.h"
#include "longform/log_probs_source.h"

namespace fastctc::longform {
namespace {

class OneShot : public Source {
 public:
  OneShot(const Frontend& frontend, const AcousticModel& model, std::size_t max_samples, MakeSource make_longer)
      : frontend_(frontend), model_(model), max_samples_(max_samples), make_longer_(std::move(make_longer)) {}

  void push(const float* samples, std::size_t n_samples) override {
    if (!longer_ && n_samples > max_samples_ - samples_.size()) {
      longer_ = make_longer_();
      longer_->push(samples_.data(), samples_.size());
      samples_ = {};
    }
    if (longer_) {
      longer_->push(samples, n_samples);
    } else {
      samples_.insert(samples_.end(), samples, samples + n_samples);
    }
  }

  void finish() override {
    if (longer_) return longer_->finish();
    ready_ = std::move(run_one_shot(frontend_, model_, {{samples_.data(), samples_.size(), 0}}).front());
    samples_ = {};
  }

  LogProbs take() override {
    if (longer_) return longer_->take();
    return std::exchange(ready_, {});
  }

  const char* method() const override { return longer_ ? longer_->method() : kOneShot; }

 private:
  const Frontend& frontend_;
  const AcousticModel& model_;
  std::size_t max_samples_;
  MakeSource make_longer_;
  std::unique_ptr<Source> longer_;
  std::vector<float> samples_;
  LogProbs ready_;
};

}  // namespace

std::vector<LogProbs> run_one_shot(const Frontend& frontend, const AcousticModel& model,
                                   const std::vector<AudioView>& recordings) {
  std::vector<Features> all_features;
  std::vector<const Features*> batch;
  all_features.reserve(recordings.size());
  for (const AudioView& audio : recordings) {
    all_features.push_back(frontend::compute_at_any_rate(frontend, audio));
    batch.push_back(&all_features.back());
  }
  return model.run(batch);
}

std::unique_ptr<Source> make_one_shot(const Frontend& frontend, const AcousticModel& model, std::size_t max_samples,
                                      MakeSource make_longer) {
  return std::make_unique<OneShot>(frontend, model, max_samples, std::move(make_longer));
}

}  // namespace fastctc::longform
