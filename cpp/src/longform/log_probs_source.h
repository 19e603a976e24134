// The ways to compute the log-probs of a recording of any length, behind one protocol.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "fastctc/acoustic_model.h"
#include "fastctc/frontend.h"
#include "fastctc/options.h"
#include "fastctc/recognizer.h"
#include "fastctc/streaming_model.h"
#include "fastctc/types.h"

namespace fastctc::longform {

// One recording: push its samples, finish, and take log-probs whenever there are some. They form one sequence, equal
// for any split of the samples. After an exception it must not be used.
class Source {
 public:
  virtual ~Source();
  // Samples at the model's rate, finite.
  virtual void push(const float* samples, std::size_t n_samples) = 0;
  virtual void finish() = 0;
  // Frames that are ready since the last take().
  virtual LogProbs take() = 0;
  // As in Transcript::method; final once finish() was called.
  virtual const char* method() const = 0;
};

using MakeSource = std::function<std::unique_ptr<Source>()>;

// Transcript::method of a recording that is one run of the offline graph.
constexpr const char* kOneShot = "one_shot";

// Log-probs of recordings short enough for such a run, each as alone. Samples are checked; another rate than the
// model's is resampled.
std::vector<LogProbs> run_one_shot(const Frontend& frontend, const AcousticModel& model,
                                   const std::vector<AudioView>& recordings);

// Keeps the samples; up to max_samples they are one run of the offline graph, beyond that all of them go on to the
// source that make_longer() makes.
std::unique_ptr<Source> make_one_shot(const Frontend& frontend, const AcousticModel& model, std::size_t max_samples,
                                      MakeSource make_longer);
// Steps of a cache-aware graph. A normalisation over the utterance holds them back, and all features, until finish().
std::unique_ptr<Source> make_steps(const Frontend& frontend, const StreamingModel& model, const char* method);
// Overlapping windows through the offline graph, each with features of its own samples, as NeMo's buffered inference
// normalises them (nemo/collections/asr/parts/utils/streaming_utils.py).
std::unique_ptr<Source> make_windows(const Frontend& frontend, const AcousticModel& model, std::size_t blank_id,
                                     const LongFormOptions& options);

// Samples at the model's rate up to which a recording is one run of the offline graph; 0 if there is no such graph.
// Raises OptionError on options out of range.
std::size_t one_shot_max_samples(const Recognizer& recognizer, const LongFormOptions& options);

// The right one for a recording of unknown length. Graphs are opened when they are needed.
std::unique_ptr<Source> make_source(const Recognizer& recognizer, const LongFormOptions& options);

}  // namespace fastctc::longform
