// A cache-aware ONNX CTC graph (NeMo's `cache_support` export): features in chunk by chunk, log-probs out.
//
// Window k of a stream, with w = window_frames, c = chunk_frames, p = w - c frames of the past (9 for NeMo):
//
//   k = 0, aligned   [ lead zeros | frames 0 ... w - lead )   lead = subsampling_factor * dropped_frames (16)
//   k = 0, nemo_pad  [ p zeros    | frames 0 ... c )
//   k > 0            [ p frames before | c new frames )
//
// The last window is shorter. In a batch with longer ones it is filled up with zeros, and `length` is its true length.
// The graph always drops its first dropped_frames output frames. Formulas: NeMo, CacheAwareStreamingAudioBuffer and
// ConformerEncoder.setup_streaming_params.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "fastctc/acoustic_model.h"
#include "fastctc/export.h"
#include "fastctc/options.h"
#include "fastctc/types.h"

namespace fastctc {

class AcousticStream;

// Immutable after load; safe from any thread.
class FASTCTC_API StreamingModel {
 public:
  // Opens the graph. Raises ModelNotFoundError, ModelError (not a cache-aware graph, caches that fastctc doesn't
  // know), EngineError, OptionError.
  StreamingModel(const std::string& graph_path, const SessionOptions& session);
  ~StreamingModel();
  StreamingModel(StreamingModel&&) noexcept;
  StreamingModel& operator=(StreamingModel&&) noexcept;

  const GraphInfo& graph() const;

  struct Geometry {
    int window_frames = -1;       // feature frames that a step reads
    int chunk_frames = -1;        // new feature frames per step
    int subsampling_factor = -1;  // feature frames per output frame
    int dropped_frames = -1;      // output frames that the graph drops in front of every step's
    std::string log_probs_kind;   // "log_probs" or "logits"
  };
  // Resolves what is left open from the ONNX metadata (window_size, chunk_shift, cache_last_*_dim*,
  // subsampling_factor), the graph's shapes, and a probe run of the graph, which all must agree; returns what was
  // resolved, with the source of each. Call once. Raises ModelError on a contradiction and on what nothing tells.
  std::vector<Property> configure(const Geometry& known);
  const Geometry& geometry() const;
  // Output frames of a whole step: chunk_frames / subsampling_factor.
  std::size_t output_frames() const;

  // The next window of several streams as one batch over stacked caches, in three parts. The middle part takes the time
  // and touches no stream, so it alone may run while others push into the streams.
  class FASTCTC_API Batch {
   public:
    Batch();
    ~Batch();
    Batch(Batch&&) noexcept;
    Batch& operator=(Batch&&) noexcept;

   private:
    friend class StreamingModel;
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };
  // Takes the next window of each stream; all must be ready(), different, and of this model. Raises OptionError, and
  // then has taken none.
  Batch gather(const std::vector<AcousticStream*>& streams) const;
  // One run of the graph, or one per stream if a run showed that streams affect each other, as in graphs with dynamic
  // int8. Raises EngineError, ModelError; the batch stays as it was and scatter() may give it back unchanged.
  void compute(Batch& batch) const;
  // Hands each stream its log-probs and caches, in the order of gather(). Without a compute() that succeeded, the
  // windows go back to their streams. A stream that was reset() meanwhile takes nothing; null stands for a stream that
  // is gone. A stream whose own output is not finite fails, the others don't: returns the failure() of each, empty if
  // there is none. The batch is empty then. Raises OptionError on another number of streams than gather() had.
  std::vector<std::string> scatter(Batch& batch, const std::vector<AcousticStream*>& streams) const;

  // gather, compute, scatter. If a batch of several fails, each stream runs alone, so that only those at fault fail.
  // Returns the message of each failure, empty if there was none. A failed stream keeps its window and stays ready().
  std::vector<std::string> step(const std::vector<AcousticStream*>& streams) const;

 private:
  friend class AcousticStream;
  class Impl;
  class Claims;
  std::shared_ptr<Impl> impl_;
};

// The state of one utterance in a StreamingModel: caches, pending features, log-probs. One thread at a time.
// Any split of the features gives the same log-probs.
class FASTCTC_API AcousticStream {
 public:
  // Shares the model, which may be gone before it. Raises OptionError before configure().
  explicit AcousticStream(const StreamingModel& model, StreamStart start = StreamStart::aligned);
  ~AcousticStream();
  AcousticStream(AcousticStream&&) noexcept;
  AcousticStream& operator=(AcousticStream&&) noexcept;

  // Takes frames: features[feature * stride + frame], as many features as the graph reads. Raises OptionError after
  // finish(), AudioError on a value that is not finite (and then has taken none), EngineError after a failure().
  void push(const float* features, std::size_t n_frames, std::size_t stride);
  // No more frames: what is left becomes ready.
  void finish();
  // Whether a window can run: a whole one, or the rest after finish(). False while gathered, and after a failure().
  bool ready() const;
  // finish() was called and every frame has been through the model.
  bool done() const;
  // Why the stream failed (its output was not finite), empty if it did not. It keeps what it gave before; only reset()
  // makes it usable again.
  const std::string& failure() const;
  // Feature frames pushed so far that no window has taken.
  std::size_t n_pending_frames() const;
  // Log-probs since the last take(): [n_frames, n_tokens].
  LogProbs take();
  // Output frames given by the model since the start, taken or not.
  std::size_t n_output_frames() const;
  // Copies the caches out of a batch that most other streams have left, so that the batch's memory is freed: for a
  // stream that waits while others go on.
  void detach();
  // Ready for another utterance, buffers kept.
  void reset();

 private:
  friend class StreamingModel;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fastctc
