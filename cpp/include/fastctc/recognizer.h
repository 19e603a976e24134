// Offline recognition: a model directory in, transcripts out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fastctc/export.h"
#include "fastctc/options.h"
#include "fastctc/types.h"
#include "fastctc/vocabulary.h"

namespace fastctc {

class Frontend;
class AcousticModel;

// Immutable after load, cheap to copy (shared state), safe from any thread.
class FASTCTC_API Recognizer {
 public:
  // `path`: a model directory, or an ONNX file in one. Raises ModelNotFoundError, ModelError, VocabularyError,
  // OptionError, EngineError; says which option to give when nothing tells a property.
  static Recognizer load(const std::string& path, const ModelOptions& model = ModelOptions(),
                         const SessionOptions& session = SessionOptions());

  // Every resolved property and where it came from.
  const std::vector<Property>& properties() const;
  int sample_rate_hz() const;
  double frame_s() const;  // seconds an output frame
  const Vocabulary& vocabulary() const;
  const Frontend& frontend() const;
  const AcousticModel& acoustic_model() const;

  // The stages, each alone. Audio at another rate is resampled. Raise AudioError, ModelError, EngineError.
  Features features(AudioView audio) const;
  LogProbs log_probs(const Features& features) const;
  Transcript decode(LogProbsView log_probs) const;

  // All of them, in order. No samples give an empty transcript.
  Transcript transcribe(AudioView audio) const;
  // One graph run for the whole batch; each result equals the item alone.
  std::vector<Transcript> transcribe(const std::vector<AudioView>& batch) const;

 private:
  struct Impl;
  explicit Recognizer(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace fastctc
