#include "fastctc/long_form.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "fastctc/audio.h"
#include "fastctc/error.h"
#include "fastctc/text_aligner.h"
#include "longform/spoken.h"
#include "longform/utterance.h"

namespace fastctc {
namespace {

// Samples converted and kept at a time, however many are pushed at once.
constexpr std::size_t kPieceSamples = 1 << 16;

}  // namespace

class LongForm::Impl {
 public:
  Impl(const Recognizer& recognizer, const LongFormOptions& options) : model_rate_hz_(recognizer.sample_rate_hz()) {
    validate(options);
    if (options.vad.kind == VadKind::none) {
      transcription_ = std::make_unique<longform::Utterance>(recognizer, options);
    } else {
      transcription_ = std::make_unique<longform::Spoken>(recognizer, options);
    }
  }

  Impl(const Recognizer& recognizer, const std::string& text, const LongFormOptions& options)
      : model_rate_hz_(recognizer.sample_rate_hz()) {
    validate(options);
    if (options.vad.kind != VadKind::none) {
      throw OptionError("A text is aligned to the whole recording: nothing tells which part of it is said in which " +
                        std::string("segment of speech. Leave the option vad out."));
    }
    if (options.decoder.kind != DecoderKind::greedy) {
      throw OptionError("A text to align is known, so there is nothing to search: of the options decoder only " +
                        std::string("confidence counts. Leave kind at greedy."));
    }
    transcription_ = std::make_unique<longform::Utterance>(
        recognizer, options,
        std::make_unique<TextAligner>(recognizer.spell(text), recognizer.vocabulary().size(),
                                      recognizer.vocabulary().blank_id(), options.decoder.confidence));
  }

  void push(AudioView audio) {
    const int rate_hz = audio.sample_rate_hz == 0 ? model_rate_hz_ : audio.sample_rate_hz;
    check(audio, rate_hz);
    if (!resampler_) {
      resampler_ = std::make_unique<Resampler>(rate_hz, model_rate_hz_);
      rate_hz_ = rate_hz;
    }
    state_ = State::failed;  // until all of it has succeeded
    for (std::size_t first = 0; first < audio.n_samples; first += kPieceSamples) {
      const std::size_t n = std::min(kPieceSamples, audio.n_samples - first);
      resampler_->push(audio.samples + first, n, resampled_);
      hand_on();
      n_pushed_ += n;
    }
    state_ = State::open;
  }

  Transcript finish() {
    if (state_ != State::open) throw AudioError(closed("finish()"));
    state_ = State::failed;
    if (resampler_) {
      resampler_->finish(resampled_);
      hand_on();
    }
    Transcript transcript = transcription_->finish(pushed_s());
    state_ = State::finished;
    return transcript;
  }

  double done_s() const {
    return state_ == State::finished ? pushed_s() : std::min(transcription_->done_s(), pushed_s());
  }

 private:
  enum class State { open, failed, finished };

  void check(const AudioView& audio, int rate_hz) const {
    if (state_ != State::open) throw AudioError(closed("push()"));
    if (audio.samples == nullptr && audio.n_samples > 0) throw AudioError("The audio's pointer is null.");
    if (resampler_ && rate_hz != rate_hz_) {
      throw AudioError("The rate of the audio changed from " + std::to_string(rate_hz_) + " to " +
                       std::to_string(rate_hz) + " Hz in the middle of a recording. Push it at one rate.");
    }
    const float* end = audio.samples + audio.n_samples;
    const float* bad = std::find_if_not(audio.samples, end, [](float sample) { return std::isfinite(sample); });
    if (bad == end) return;
    throw AudioError("Sample " + std::to_string(n_pushed_ + static_cast<std::size_t>(bad - audio.samples)) + " is " +
                     std::to_string(*bad) +
                     "; samples must be finite. Repair the recording, or replace such samples with 0.");
  }

  std::string closed(const char* call) const {
    return std::string("LongForm::") + call + " was called after " +
           (state_ == State::finished ? "finish()" : "an error") + ". Make a LongForm for each recording.";
  }

  void hand_on() {
    transcription_->push(resampled_.data(), resampled_.size());
    resampled_.clear();
  }

  double pushed_s() const { return rate_hz_ == 0 ? 0 : static_cast<double>(n_pushed_) / rate_hz_; }

  int model_rate_hz_;
  std::unique_ptr<longform::Transcription> transcription_;
  std::unique_ptr<Resampler> resampler_;
  std::vector<float> resampled_;
  int rate_hz_ = 0;           // of the audio pushed; 0: none yet
  std::size_t n_pushed_ = 0;  // samples at that rate
  State state_ = State::open;
};

LongForm::LongForm(const Recognizer& recognizer, const LongFormOptions& options)
    : impl_(std::make_unique<Impl>(recognizer, options)) {}
LongForm::LongForm(const Recognizer& recognizer, const std::string& text, const LongFormOptions& options)
    : impl_(std::make_unique<Impl>(recognizer, text, options)) {}
LongForm::~LongForm() = default;
LongForm::LongForm(LongForm&&) noexcept = default;
LongForm& LongForm::operator=(LongForm&&) noexcept = default;

void LongForm::push(AudioView audio) { impl_->push(audio); }
Transcript LongForm::finish() { return impl_->finish(); }
double LongForm::done_s() const { return impl_->done_s(); }

}  // namespace fastctc
