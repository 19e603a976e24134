#include "longform/utterance.h"

#include <utility>

namespace fastctc::longform {

Transcription::~Transcription() = default;

Utterance::Utterance(const Recognizer& recognizer, const LongFormOptions& options)
    : Utterance(recognizer, options, recognizer.make_decoder(options.decoder)) {}

Utterance::Utterance(const Recognizer& recognizer, const LongFormOptions& options, std::unique_ptr<Decoder> decoder)
    : recognizer_(recognizer),
      options_(options.decoder),
      source_(make_source(recognizer, options)),
      decoder_(std::move(decoder)) {}

void Utterance::push(const float* samples, std::size_t n_samples) {
  source_->push(samples, n_samples);
  decode();
}

Transcript Utterance::finish(double duration_s) {
  source_->finish();
  decode();
  Transcript transcript =
      recognizer_.assemble(decoder_->n_best(static_cast<std::size_t>(options_.n_best)), duration_s, options_);
  transcript.method = source_->method();
  return transcript;
}

void Utterance::decode() {
  const LogProbs log_probs = source_->take();
  decoder_->step({log_probs.values.data(), log_probs.n_frames, log_probs.n_tokens});
  n_frames_ += log_probs.n_frames;
}

}  // namespace fastctc::longform
