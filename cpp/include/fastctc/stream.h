// Live recognition: audio in as it comes, partial and final results out.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "fastctc/export.h"
#include "fastctc/options.h"
#include "fastctc/recognizer.h"
#include "fastctc/types.h"

namespace fastctc {

class StreamPool;

// One live signal. push(), finish() and reset() belong to one thread at a time: a second one that enters meanwhile gets
// an Error. Results may be taken by any thread.
// Any split of the audio gives the same final results.
class FASTCTC_API Stream {
 public:
  // Opens the recognizer's graph for options.latency_ms. Raises OptionError (no such latency: lists those that are),
  // ModelError (the model has no cache-aware graph, or normalises over the whole utterance), EngineError; with
  // options.vad also as SpeechDetector.
  explicit Stream(const Recognizer& recognizer, const StreamOptions& options = StreamOptions());
  ~Stream();
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;

  // Takes audio of any length and recognises every chunk that is whole; a stream of a pool leaves that to the pool.
  // audio.sample_rate_hz 0: the stream's rate. Raises AudioError on samples that are not finite or beyond 32 (none of
  // this call's is then taken; the stream goes on), on another rate than before, and after finish(); EngineError, after
  // which only take() and reset() make sense.
  void push(AudioView audio);
  // No more audio: every frame is recognised and the last segment becomes final. In a pool: at the pool's next steps.
  // A second call does nothing.
  void finish();
  // finish() was called and everything has been recognised.
  bool done() const;
  // Results since the last take(), in order: at most one partial result per chunk, none if nothing changed. The last
  // result of a finished stream is final with cause finish, unless nothing was pushed. Its text is empty if nothing was
  // said since the result before.
  // With options.vad every segment of speech is an utterance of its own. Its last segment ends with cause silence, and
  // transcript.speech is the segment's part of the utterance.
  // Raises the error that stopped the stream, once all results before it are taken.
  std::vector<StreamResult> take();
  // Whether a chunk is ready to be recognised (of a pool's stream).
  bool ready() const;
  // Forgets everything except the options: the next sample pushed is at 0 s.
  void reset();

  const StreamOptions& options() const;
  double pushed_s() const;   // audio pushed
  double decoded_s() const;  // audio recognised

 private:
  friend class StreamPool;
  class Impl;
  explicit Stream(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // shared with the pool
};

// Many streams of one model: ready chunks run as one batch. Safe from any thread; streams may be pushed into, closed
// and dropped while step() runs.
class FASTCTC_API StreamPool {
 public:
  // max_batch: streams in one run of the graph. Raises as Stream's constructor.
  StreamPool(const Recognizer& recognizer, const StreamOptions& options = StreamOptions(), std::size_t max_batch = 16);
  ~StreamPool();
  StreamPool(StreamPool&&) noexcept;
  StreamPool& operator=(StreamPool&&) noexcept;

  // A stream of this pool, with the pool's options; dropping it closes it.
  Stream open();
  // Runs one chunk of each stream that has one ready, at most max_batch, those that waited longest first; returns how
  // many ran, 0 if none was ready. A stream that fails keeps its error for its own take(). One step() at a time:
  // a second call waits.
  std::size_t step();
  // Waits until a stream has a chunk ready, at most timeout_s. Returns whether one has.
  bool wait(double timeout_s) const;
  // Streams open now.
  std::size_t n_streams() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace fastctc
