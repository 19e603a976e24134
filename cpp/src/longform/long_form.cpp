#include "fastctc/long_form.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "audio/intake.h"
#include "fastctc/error.h"
#include "fastctc/text_aligner.h"
#include "longform/spoken.h"
#include "longform/utterance.h"

namespace fastctc {

class LongForm::Impl {
 public:
  Impl(const Recognizer& recognizer, const LongFormOptions& options) : intake_(recognizer.sample_rate_hz()) {
    validate(options);
    if (options.vad.kind == VadKind::none) {
      transcription_ = std::make_unique<longform::Utterance>(recognizer, options);
    } else {
      transcription_ = std::make_unique<longform::Spoken>(recognizer, options);
    }
  }

  Impl(const Recognizer& recognizer, const std::string& text, const LongFormOptions& options)
      : intake_(recognizer.sample_rate_hz()) {
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
    if (state_ != State::open) throw AudioError(closed("push()"));
    intake_.check(audio);
    state_ = State::failed;  // unless all of it goes well
    intake_.push(audio, [&](const float* samples, std::size_t n) { transcription_->push(samples, n); });
    state_ = State::open;
  }

  Transcript finish() {
    if (state_ != State::open) throw AudioError(closed("finish()"));
    state_ = State::failed;
    intake_.finish([&](const float* samples, std::size_t n) { transcription_->push(samples, n); });
    Transcript transcript = transcription_->finish(intake_.pushed_s());
    state_ = State::finished;
    return transcript;
  }

  double done_s() const {
    return state_ == State::finished ? intake_.pushed_s() : std::min(transcription_->done_s(), intake_.pushed_s());
  }

 private:
  enum class State { open, failed, finished };

  std::string closed(const char* call) const {
    return std::string("LongForm::") + call + " was called after " +
           (state_ == State::finished ? "finish()" : "an error") + ". Make a LongForm for each recording.";
  }

  Intake intake_;
  std::unique_ptr<longform::Transcription> transcription_;
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
