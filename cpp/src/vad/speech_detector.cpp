#include "fastctc/speech_detector.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "audio/intake.h"
#include "audio/samples.h"
#include "fastctc/error.h"
#include "vad/energy.h"
#include "vad/frame_scorer.h"
#include "vad/segmenter.h"
#include "vad/silero.h"

namespace fastctc {
namespace {

constexpr int min_rate_hz = 8000;
constexpr int max_rate_hz = 768000;

}  // namespace

std::unique_ptr<FrameScorer> make_scorer(const VadOptions& options, int sample_rate_hz, const SessionOptions& session) {
  validate(options);
  if (options.kind == VadKind::none) {
    throw OptionError("Option vad.kind is none: there is nothing to detect speech with. Give energy or silero.");
  }
  if (sample_rate_hz < min_rate_hz || sample_rate_hz > max_rate_hz) {
    throw OptionError("Speech detection takes audio at " + std::to_string(min_rate_hz) + " to " +
                      std::to_string(max_rate_hz) + " Hz, not at " + std::to_string(sample_rate_hz) + " Hz.");
  }
  if (options.kind == VadKind::energy) return std::make_unique<EnergyScorer>(options, sample_rate_hz);
  return std::make_unique<SileroScorer>(open_silero(options.model, sample_rate_hz, session), options.threshold);
}

class SpeechDetector::Impl {
 public:
  Impl(const VadOptions& vad, int sample_rate_hz, std::unique_ptr<FrameScorer> frame_scorer)
      : options(vad),
        rate_hz(sample_rate_hz),
        scorer(std::move(frame_scorer)),
        segmenter(vad, sample_rate_hz, scorer->open_score(), scorer->close_score()),
        intake_(sample_rate_hz) {}

  void push(const float* samples, std::size_t n) {
    check_open();
    check_samples(samples, n, n_samples, kLoudestResampled);
    take(samples, n);
  }

  void push(AudioView audio) {
    check_open();
    intake_.check(audio);
    intake_.push(audio, [&](const float* samples, std::size_t n) { take(samples, n); });
  }

  void finish() {
    if (finished_) return;
    check_not_failed();
    intake_.finish([&](const float* samples, std::size_t n) { take(samples, n); });
    run([&] { scorer->finish(scores_); });
    segmenter.finish(n_samples);
    finished_ = true;
  }

  void reset() {
    scorer->reset();
    segmenter.reset();
    intake_.reset();
    n_samples = 0;
    finished_ = failed_ = false;
  }

  VadOptions options;
  int rate_hz;
  std::unique_ptr<FrameScorer> scorer;
  Segmenter segmenter;
  std::uint64_t n_samples = 0;  // at the detector's rate

 private:
  void take(const float* samples, std::size_t n) {
    run([&] { scorer->push(samples, n, scores_); });
    n_samples += n;
  }

  template <class Score>
  void run(Score&& score) {
    scores_.clear();
    failed_ = true;
    score();
    failed_ = false;
    for (const FrameScore& frame : scores_) segmenter.push(frame);
  }

  void check_open() const {
    if (finished_) throw AudioError("push() after finish(): the recording is over; call reset() to begin another one.");
    check_not_failed();
  }

  void check_not_failed() const {
    if (failed_) throw EngineError("This speech detector has failed before. Call reset(), and begin again.");
  }

  Intake intake_;
  std::vector<FrameScore> scores_;  // kept for its memory
  bool finished_ = false;
  bool failed_ = false;
};

SpeechDetector::SpeechDetector(const VadOptions& options, int sample_rate_hz, const SessionOptions& session)
    : impl_(new Impl(options, sample_rate_hz, make_scorer(options, sample_rate_hz, session))) {}
SpeechDetector::SpeechDetector(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SpeechDetector::~SpeechDetector() = default;
SpeechDetector::SpeechDetector(SpeechDetector&&) noexcept = default;
SpeechDetector& SpeechDetector::operator=(SpeechDetector&&) noexcept = default;

SpeechDetector SpeechDetector::another() const {
  return SpeechDetector(std::unique_ptr<Impl>(new Impl(impl_->options, impl_->rate_hz, impl_->scorer->another())));
}

void SpeechDetector::push(const float* samples, std::size_t n_samples) { impl_->push(samples, n_samples); }
void SpeechDetector::push(AudioView audio) { impl_->push(audio); }
void SpeechDetector::finish() { impl_->finish(); }
std::vector<SpeechSegment> SpeechDetector::take() { return impl_->segmenter.take(); }
bool SpeechDetector::in_speech() const { return impl_->segmenter.in_speech(); }
double SpeechDetector::open_start_s() const { return impl_->segmenter.open_start_s(); }
double SpeechDetector::decided_s() const { return impl_->segmenter.decided_s(impl_->n_samples); }
void SpeechDetector::reset() { impl_->reset(); }

std::vector<SpeechSegment> detect_speech(AudioView audio, const VadOptions& options, const SessionOptions& session) {
  SpeechDetector detector(options, audio.sample_rate_hz, session);
  detector.push(audio);
  detector.finish();
  return detector.take();
}

std::vector<SpeechScore> score_speech(AudioView audio, const VadOptions& options, const SessionOptions& session) {
  std::vector<FrameScore> frames;
  const std::unique_ptr<FrameScorer> scorer = make_scorer(options, audio.sample_rate_hz, session);
  check_samples(audio.samples, audio.n_samples);
  scorer->push(audio.samples, audio.n_samples, frames);
  scorer->finish(frames);
  std::vector<SpeechScore> scores;
  scores.reserve(frames.size());
  for (const FrameScore& frame : frames) scores.push_back({frame.score, frame.end});
  return scores;
}

}  // namespace fastctc
