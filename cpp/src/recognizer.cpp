#include "fastctc/recognizer.h"

#include <mutex>
#include <utility>

#include "audio/samples.h"
#include "fastctc/acoustic_model.h"
#include "fastctc/assemble.h"
#include "fastctc/decoder.h"
#include "fastctc/error.h"
#include "fastctc/frontend.h"
#include "fastctc/streaming_model.h"
#include "frontend/any_rate.h"
#include "loading/model_directory.h"
#include "loading/model_graphs.h"
#include "loading/shared_loads.h"
#include "options/load_key.h"
#include "text/speller.h"

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

// Seconds from one output frame of the acoustic model to the next.
double frame_length_s(const FrontendOptions& frontend, int subsampling_factor) {
  const int hop = frontend.kind == FeatureKind::waveform ? 1 : frontend.hop_length_samples;
  return static_cast<double>(hop) * subsampling_factor / frontend.sample_rate_hz;
}

}  // namespace

struct Recognizer::Impl {
  static std::shared_ptr<const Impl> read(const std::string& path, const ModelOptions& model,
                                          const SessionOptions& session);

  Frontend frontend;
  std::unique_ptr<const ModelGraphs> graphs;
  Vocabulary vocabulary;
  std::vector<Property> properties;
  double frame_s;
  std::string tokenizer_path;  // empty: there is none

  // Made on first use: transcription needs no tokenizer.
  mutable std::mutex mutex{};
  mutable std::unique_ptr<const Speller> speller{};
};

Recognizer Recognizer::load(const std::string& path, const ModelOptions& model, const SessionOptions& session) {
  static auto& loads = *new SharedLoads<const Impl>;  // never destroyed: threads may load after statics
  return Recognizer(loads.get(load_key(path, model, session), [&] { return Impl::read(path, model, session); }));
}

std::shared_ptr<const Recognizer::Impl> Recognizer::Impl::read(const std::string& path, const ModelOptions& model,
                                                               const SessionOptions& session) {
  ModelDirectory directory(path, model);
  auto graphs = std::make_unique<ModelGraphs>(directory, session);
  const GraphInfo& graph = graphs->first();
  directory.check_vocabulary_size(graph);

  Frontend frontend(directory.frontend(graph));
  if (graph.n_features > 0 && frontend.n_features() != graph.n_features) {
    throw OptionError(directory.graph_path() + " takes " + std::to_string(graph.n_features) +
                      " features per frame, the front end gives " + std::to_string(frontend.n_features()) +
                      ". Change the option frontend.n_mels.");
  }
  graphs->configure_first(directory, frontend.options());

  const int blank_id = directory.blank_id(graph);
  const std::string text_style = directory.text_style();
  Vocabulary vocabulary = Vocabulary::read(directory.tokens_path(), graph.n_tokens, blank_id, text_style);
  directory.note({"n_tokens", std::to_string(vocabulary.size()), "tokens"});
  if (blank_id < 0) directory.note({"blank_id", std::to_string(vocabulary.blank_id()), "tokens"});
  if (text_style.empty()) directory.note({"text_style", name_of(vocabulary.style()), "tokens"});

  const double frame_s = frame_length_s(frontend.options(), graphs->subsampling_factor());
  const std::string tokenizer_path = directory.tokenizer_path();
  return std::shared_ptr<const Impl>(new Impl{std::move(frontend), std::move(graphs), std::move(vocabulary),
                                              directory.properties(), frame_s, tokenizer_path});
}

Recognizer::Recognizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

const std::vector<Property>& Recognizer::properties() const { return impl_->properties; }
int Recognizer::sample_rate_hz() const { return impl_->frontend.options().sample_rate_hz; }
double Recognizer::frame_s() const { return impl_->frame_s; }
const Vocabulary& Recognizer::vocabulary() const { return impl_->vocabulary; }
const Frontend& Recognizer::frontend() const { return impl_->frontend; }
bool Recognizer::has_offline_graph() const { return impl_->graphs->has_offline(); }
const AcousticModel& Recognizer::acoustic_model() const { return impl_->graphs->offline(); }
std::vector<int> Recognizer::latencies_ms() const { return impl_->graphs->latencies_ms(); }
const StreamingModel& Recognizer::streaming_model(int latency_ms) const { return impl_->graphs->streaming(latency_ms); }
const StreamingModel* Recognizer::long_form_model() const { return impl_->graphs->long_form(); }

std::unique_ptr<Decoder> Recognizer::make_decoder(const DecoderOptions& options) const {
  return fastctc::make_decoder(impl_->vocabulary, options);
}

Transcript Recognizer::assemble(const Hypothesis& hypothesis, double duration_s, const DecoderOptions& options) const {
  return fastctc::assemble(hypothesis, impl_->vocabulary, impl_->frame_s, duration_s, options.confidence.aggregation);
}

Transcript Recognizer::assemble(const std::vector<Hypothesis>& n_best, double duration_s,
                                const DecoderOptions& options) const {
  Transcript transcript = assemble(n_best.front(), duration_s, options);
  if (options.n_best < 2) return transcript;
  for (const Hypothesis& hypothesis : n_best) {
    Transcript other = assemble(hypothesis, duration_s, options);
    transcript.alternatives.push_back({std::move(other.text), std::move(other.words), hypothesis.score,
                                       hypothesis.acoustic_score, hypothesis.lm_score, hypothesis.bonus_score,
                                       std::move(other.tokens)});
  }
  return transcript;
}

std::vector<int> Recognizer::spell(const std::string& text) const {
  const std::lock_guard<std::mutex> lock(impl_->mutex);
  if (!impl_->speller) {
    std::unique_ptr<const SentencePieceModel> pieces;
    if (!impl_->tokenizer_path.empty()) {
      pieces = std::make_unique<const SentencePieceModel>(SentencePieceModel::read(impl_->tokenizer_path));
    }
    impl_->speller = std::make_unique<const Speller>(impl_->vocabulary, std::move(pieces));
  }
  return impl_->speller->spell(text);
}

Features Recognizer::features(AudioView audio) const {
  check_samples(audio.samples, audio.n_samples);
  return frontend::compute_at_any_rate(impl_->frontend, audio);
}

LogProbs Recognizer::log_probs(const Features& features) const { return acoustic_model().run(features); }

Transcript Recognizer::decode(LogProbsView log_probs, const DecoderOptions& options) const {
  const std::unique_ptr<Decoder> decoder = make_decoder(options);
  decoder->step(log_probs);
  return assemble(decoder->n_best(static_cast<std::size_t>(options.n_best)),
                  static_cast<double>(log_probs.n_frames) * impl_->frame_s, options);
}

}  // namespace fastctc
