// The implementation of Stream, for stream.cpp and stream_pool.cpp.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fastctc/frontend.h"
#include "fastctc/stream.h"
#include "fastctc/streaming_model.h"
#include "live/segment_decoder.h"
#include "live/stream_audio.h"

namespace fastctc {

// How the streams of a pool tell it that a chunk is ready, and in which order.
struct PoolSignal {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t n_events = 0;  // under the mutex
  std::uint64_t tell() {
    std::uint64_t event = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex);
      event = ++n_events;
    }
    changed.notify_all();
    return event;
  }
};

// Calls that feed the stream enter one at a time (`busy_`). They share the state with the pool's step() and with take()
// under `mutex`, which is held while audio and results are handed over, never while the model runs.
class Stream::Impl {
 public:
  // pool, detector: of a pool, whose streams share the detector's graph.
  Impl(const Recognizer& recognizer, const StreamOptions& options, std::shared_ptr<PoolSignal> pool = nullptr,
       std::shared_ptr<const SpeechDetector> detector = nullptr);
  // Null if the options ask for none. Raises as SpeechDetector.
  static std::shared_ptr<const SpeechDetector> open_detector(const Recognizer& recognizer,
                                                             const StreamOptions& options);

  void push(AudioView audio);
  void finish();
  void reset();
  bool done() const;
  bool ready() const;
  std::vector<StreamResult> take();
  const StreamOptions& options() const { return options_; }
  double pushed_s() const;
  double decoded_s() const;

  // For the pool, which holds `mutex` during these calls.
  mutable std::mutex mutex;
  bool is_ready() const { return !error_ && acoustic_.ready(); }
  std::uint64_t ready_since() const { return ready_since_; }
  AcousticStream& acoustic() { return acoustic_; }
  // Resets so far. Results of runs that began before a reset are dropped.
  std::uint64_t n_resets() const { return n_resets_; }
  // Decodes what the model gave for a window of this stream. failure: empty if there is none.
  void advance(const std::string& failure);

 private:
  class Turn;
  void check_open() const;
  template <class Work>
  void guarded(Work&& work);
  void feed();
  void feed_frames(std::size_t n_frames);
  void begin_utterance();
  bool end_utterance();
  void run();
  void note_ready();
  void end_stream();

  Recognizer recognizer_;
  const StreamingModel& model_;
  StreamOptions options_;
  std::shared_ptr<PoolSignal> pool_;
  std::shared_ptr<const SpeechDetector> detector_;  // audio_ makes its own from it

  StreamAudio audio_;
  FrontendStream frontend_;
  AcousticStream acoustic_;
  SegmentDecoder decoder_;
  std::vector<float> block_;  // [n_features, kBlockFrames]
  std::deque<StreamResult> results_;

  bool is_finished_ = false;
  bool is_done_ = false;
  bool in_utterance_ = false;
  bool is_flushed_ = false;  // the utterance has all its frames
  bool is_waiting_ = false;  // for the pool's step, since the event ready_since_
  std::uint64_t ready_since_ = 0;
  std::uint64_t n_resets_ = 0;
  std::exception_ptr error_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

}  // namespace fastctc
