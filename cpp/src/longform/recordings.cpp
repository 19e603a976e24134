// Whole recordings at once: those of Recognizer's methods that go through this folder.
#include <memory>
#include <utility>
#include <vector>

#include "audio/samples.h"
#include "fastctc/decoder.h"
#include "fastctc/long_form.h"
#include "fastctc/recognizer.h"
#include "longform/log_probs_source.h"

namespace fastctc {
namespace {

double seconds(const AudioView& audio, int model_rate_hz) {
  const int rate_hz = audio.sample_rate_hz == 0 ? model_rate_hz : audio.sample_rate_hz;
  return static_cast<double>(audio.n_samples) / rate_hz;
}

}  // namespace

Transcript Recognizer::align(AudioView audio, const std::string& text, const LongFormOptions& options) const {
  LongForm long_form(*this, text, options);
  long_form.push(audio);
  return long_form.finish();
}

Transcript Recognizer::transcribe(AudioView audio, const LongFormOptions& options) const {
  return std::move(transcribe(std::vector<AudioView>{audio}, options).front());
}

std::vector<Transcript> Recognizer::transcribe(const std::vector<AudioView>& batch,
                                               const LongFormOptions& options) const {
  const bool has_one_shot = has_offline_graph() && options.vad.kind == VadKind::none;
  const double one_shot_max_s =
      has_one_shot ? static_cast<double>(longform::one_shot_max_samples(*this, options)) / sample_rate_hz() : 0;
  std::vector<Transcript> transcripts(batch.size());
  std::vector<AudioView> recordings;
  std::vector<std::size_t> places;
  for (std::size_t item = 0; item < batch.size(); ++item) {
    if (!has_one_shot || seconds(batch[item], sample_rate_hz()) > one_shot_max_s) {
      LongForm long_form(*this, options);
      long_form.push(batch[item]);
      transcripts[item] = long_form.finish();
      continue;
    }
    check_samples(batch[item].samples, batch[item].n_samples);
    recordings.push_back(batch[item]);
    places.push_back(item);
  }
  if (places.empty()) return transcripts;

  const std::vector<LogProbs> all_log_probs = longform::run_one_shot(frontend(), acoustic_model(), recordings);
  const std::unique_ptr<Decoder> decoder = make_decoder(options.decoder);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const LogProbs& log_probs = all_log_probs[i];
    Transcript& transcript = transcripts[places[i]];
    decoder->reset();
    decoder->step({log_probs.values.data(), log_probs.n_frames, log_probs.n_tokens});
    transcript = assemble(decoder->n_best(static_cast<std::size_t>(options.decoder.n_best)),
                          seconds(recordings[i], sample_rate_hz()), options.decoder);
    transcript.method = longform::kOneShot;
  }
  return transcripts;
}

}  // namespace fastctc
