#include <algorithm>
#include <string>
#include <vector>

#include "fastctc/error.h"
#include "longform/log_probs_source.h"

namespace fastctc::longform {
namespace {

constexpr std::size_t kBlockFrames = 64;

class Steps : public Source {
 public:
  Steps(const Frontend& frontend, const StreamingModel& model, const char* method)
      : model_(model),
        method_(method),
        frontend_(frontend),
        acoustic_(model, StreamStart::aligned),
        block_(frontend.n_features() * kBlockFrames) {}

  void push(const float* samples, std::size_t n_samples) override {
    frontend_.push(samples, n_samples);
    advance();
  }

  void finish() override {
    frontend_.finish();
    advance();
    acoustic_.finish();
    run_ready_steps();
  }

  LogProbs take() override { return acoustic_.take(); }

  const char* method() const override { return method_; }

 private:
  void advance() {
    for (std::size_t n; (n = std::min(frontend_.n_ready_frames(), kBlockFrames)) > 0;) {
      frontend_.take(block_.data(), n, kBlockFrames);
      acoustic_.push(block_.data(), n, kBlockFrames);
      run_ready_steps();
    }
  }

  void run_ready_steps() {
    while (acoustic_.ready()) {
      const std::vector<std::string> failures = model_.step({&acoustic_});
      if (!failures.front().empty()) throw EngineError(failures.front());
    }
  }

  const StreamingModel& model_;
  const char* method_;
  FrontendStream frontend_;
  AcousticStream acoustic_;
  std::vector<float> block_;  // [n_features, kBlockFrames]
};

}  // namespace

std::unique_ptr<Source> make_steps(const Frontend& frontend, const StreamingModel& model, const char* method) {
  return std::make_unique<Steps>(frontend, model, method);
}

}  // namespace fastctc::longform
