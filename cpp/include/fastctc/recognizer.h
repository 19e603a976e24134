// A model directory, loaded: offline recognition, and what streams share (stream.h, long_form.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fastctc/export.h"
#include "fastctc/options.h"
#include "fastctc/types.h"
#include "fastctc/vocabulary.h"

namespace fastctc {

class AcousticModel;
class Decoder;
class Frontend;
class StreamingModel;

// Immutable after load, cheap to copy (shared state), safe from any thread.
class FASTCTC_API Recognizer {
 public:
  // `path`: a model directory, or an ONNX file in one. Raises ModelNotFoundError, ModelError, VocabularyError,
  // OptionError, EngineError; says which option to give when nothing tells a property. Loads nothing while another
  // Recognizer with equal options holds the same unchanged directory: both share it.
  static Recognizer load(const std::string& path, const ModelOptions& model = ModelOptions(),
                         const SessionOptions& session = SessionOptions());

  // Every resolved property and where it came from.
  const std::vector<Property>& properties() const;
  int sample_rate_hz() const;
  double frame_s() const;  // seconds per output frame
  const Vocabulary& vocabulary() const;
  const Frontend& frontend() const;

  // The graphs of the directory, each opened on first use and kept. A directory may hold any of them; the one that
  // load() named or found first is open from the start. Raise ModelError if there is none, and as load().
  bool has_offline_graph() const;
  const AcousticModel& acoustic_model() const;
  // Look-aheads of the cache-aware graphs for live streams, ascending; empty: none.
  std::vector<int> latencies_ms() const;
  // -1: the longest look-ahead. Raises OptionError that lists those of the model.
  const StreamingModel& streaming_model(int latency_ms = -1) const;
  // The exact cache-aware graph of several attention chunks per step, for long recordings; null: none.
  const StreamingModel* long_form_model() const;

  // For callers that run the stages: a decoder of this model, and its hypothesis as a transcript, times from 0 s.
  std::unique_ptr<Decoder> make_decoder(const DecoderOptions& options = DecoderOptions()) const;
  Transcript assemble(const Hypothesis& hypothesis, double duration_s,
                      const DecoderOptions& options = DecoderOptions()) const;
  // The best of a decoder's hypotheses, with the others as alternatives where options.n_best asks for them.
  Transcript assemble(const std::vector<Hypothesis>& n_best, double duration_s, const DecoderOptions& options) const;

  // The tokens that spell a text, for align(). The directory's SentencePiece model (the option or the manifest's
  // `tokenizer`, else tokenizer.model) normalises and cuts it. Without a model, or if it lacks a character, the fewest
  // pieces spell it, the longer first among equals. A word that can't be spelled as written is spelled in another case.
  // Raises AlignmentError that names the character that no piece has, and its position; VocabularyError
  // on a SentencePiece model that can't be read or isn't this model's.
  std::vector<int> spell(const std::string& text) const;

  // The stages, each alone. Audio at another rate is resampled. Raise AudioError, ModelError, EngineError.
  Features features(AudioView audio) const;
  LogProbs log_probs(const Features& features) const;
  Transcript decode(LogProbsView log_probs, const DecoderOptions& options = DecoderOptions()) const;

  // All stages, in order. No samples give an empty transcript. Recordings of any length: those that LongForm would not
  // do in one shot go through it (long_form.h), one by one; Transcript::method tells. Raises also OptionError.
  Transcript transcribe(AudioView audio, const LongFormOptions& options = LongFormOptions()) const;
  // One graph run for all short recordings; each result equals the item alone.
  std::vector<Transcript> transcribe(const std::vector<AudioView>& batch,
                                     const LongFormOptions& options = LongFormOptions()) const;

  // When each word of a known text is said, and how well it fits (Word::score): the most likely alignment, exact
  // (aligner.h). Recordings of any length; the log-probs are those of transcribe(). Of options.decoder only confidence
  // counts. Raises as spell() and transcribe(); AlignmentError where the text needs more frames than there are;
  // OptionError on options.vad and options.decoder.kind.
  Transcript align(AudioView audio, const std::string& text, const LongFormOptions& options = LongFormOptions()) const;

 private:
  struct Impl;
  explicit Recognizer(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace fastctc
