#include "fastctc/recognizer.h"

#include <utility>

#include "assemble.h"
#include "fastctc/acoustic_model.h"
#include "fastctc/audio.h"
#include "fastctc/decoder.h"
#include "fastctc/error.h"
#include "fastctc/frontend.h"
#include "model_directory.h"

namespace fastctc {
namespace {

const char* name_of(TextStyle style) {
  switch (style) {
    case TextStyle::sentencepiece:
      return "sentencepiece";
    case TextStyle::characters:
      return "characters";
    case TextStyle::wordpiece:
      return "wordpiece";
  }
  return "";
}

double seconds(const AudioView& audio, int model_rate_hz) {
  const int rate_hz = audio.sample_rate_hz == 0 ? model_rate_hz : audio.sample_rate_hz;
  return static_cast<double>(audio.n_samples) / rate_hz;
}

// Seconds from one output frame of the acoustic model to the next.
double frame_length_s(const FrontendOptions& frontend, int subsampling_factor) {
  const int hop = frontend.kind == FeatureKind::waveform ? 1 : frontend.hop_length_samples;
  return static_cast<double>(hop) * subsampling_factor / frontend.sample_rate_hz;
}

}  // namespace

struct Recognizer::Impl {
  Frontend frontend;
  AcousticModel acoustic_model;
  Vocabulary vocabulary;
  std::vector<Property> properties;
  double frame_s;

  Hypothesis decode(const LogProbs& log_probs) const {
    return GreedyDecoder(vocabulary.size(), vocabulary.blank_id())
        .decode({log_probs.values.data(), log_probs.n_frames, log_probs.n_tokens});
  }
};

Recognizer Recognizer::load(const std::string& path, const ModelOptions& model, const SessionOptions& session) {
  ModelDirectory directory(path, model);
  AcousticModel acoustic_model(directory.graph_path(), session);
  const GraphInfo& graph = acoustic_model.graph();
  if (graph.cache_aware) {
    throw ModelError(directory.graph_path() +
                     " is a cache-aware graph, for streams. For recordings name an offline graph of the model with the "
                     "option graph.");
  }
  directory.check_vocabulary_size(graph);

  Frontend frontend(directory.frontend(graph));
  if (graph.n_features > 0 && frontend.n_features() != graph.n_features) {
    throw OptionError(directory.graph_path() + " takes " + std::to_string(graph.n_features) +
                      " features a frame, the front end gives " + std::to_string(frontend.n_features()) +
                      ". Change the option frontend.n_mels.");
  }
  directory.note_geometry(acoustic_model.configure(directory.geometry()));

  const int blank_id = directory.blank_id(graph);
  const std::string text_style = directory.text_style();
  Vocabulary vocabulary = Vocabulary::read(directory.tokens_path(), graph.n_tokens, blank_id, text_style);
  directory.note({"n_tokens", std::to_string(vocabulary.size()), "tokens"});
  if (blank_id < 0) directory.note({"blank_id", std::to_string(vocabulary.blank_id()), "tokens"});
  if (text_style.empty()) directory.note({"text_style", name_of(vocabulary.style()), "tokens"});

  const double frame_s = frame_length_s(frontend.options(), acoustic_model.geometry().subsampling_factor);
  return Recognizer(std::make_shared<const Impl>(
      Impl{std::move(frontend), std::move(acoustic_model), std::move(vocabulary), directory.properties(), frame_s}));
}

Recognizer::Recognizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

const std::vector<Property>& Recognizer::properties() const { return impl_->properties; }
int Recognizer::sample_rate_hz() const { return impl_->frontend.options().sample_rate_hz; }
double Recognizer::frame_s() const { return impl_->frame_s; }
const Vocabulary& Recognizer::vocabulary() const { return impl_->vocabulary; }
const Frontend& Recognizer::frontend() const { return impl_->frontend; }
const AcousticModel& Recognizer::acoustic_model() const { return impl_->acoustic_model; }

Features Recognizer::features(AudioView audio) const {
  if (audio.sample_rate_hz == 0 || audio.sample_rate_hz == sample_rate_hz()) return impl_->frontend.compute(audio);
  const std::vector<float> samples = resample(audio, sample_rate_hz());
  return impl_->frontend.compute({samples.data(), samples.size(), sample_rate_hz()});
}

LogProbs Recognizer::log_probs(const Features& features) const { return impl_->acoustic_model.run(features); }

Transcript Recognizer::decode(LogProbsView log_probs) const {
  GreedyDecoder decoder(impl_->vocabulary.size(), impl_->vocabulary.blank_id());
  return assemble(decoder.decode(log_probs), impl_->vocabulary, impl_->frame_s,
                  static_cast<double>(log_probs.n_frames) * impl_->frame_s);
}

Transcript Recognizer::transcribe(AudioView audio) const {
  return std::move(transcribe(std::vector<AudioView>{audio}).front());
}

std::vector<Transcript> Recognizer::transcribe(const std::vector<AudioView>& batch) const {
  std::vector<Features> all_features;
  all_features.reserve(batch.size());
  std::vector<const Features*> pointers;
  for (const AudioView& audio : batch) {
    all_features.push_back(features(audio));
    pointers.push_back(&all_features.back());
  }
  const std::vector<LogProbs> all_log_probs = impl_->acoustic_model.run(pointers);

  std::vector<Transcript> transcripts;
  transcripts.reserve(batch.size());
  for (std::size_t item = 0; item < batch.size(); ++item) {
    const Hypothesis hypothesis = impl_->decode(all_log_probs[item]);
    transcripts.push_back(
        assemble(hypothesis, impl_->vocabulary, impl_->frame_s, seconds(batch[item], sample_rate_hz())));
  }
  return transcripts;
}

}  // namespace fastctc
