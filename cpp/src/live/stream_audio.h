// From the audio pushed into a stream to its utterances' samples at the model's rate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "audio/intake.h"
#include "fastctc/speech_detector.h"
#include "fastctc/types.h"

namespace fastctc {

// Without speech detection the whole signal is one utterance. With it every segment of speech is an utterance, and the
// audio between them is dropped. Samples are counted at the model's rate from the start of the stream.
class StreamAudio {
 public:
  struct Utterance {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;  // known once it is over
    bool is_over = false;
  };

  // rate_hz: of the audio pushed; 0: not known yet. detector: another of it finds the utterances; null: there is one.
  StreamAudio(const SpeechDetector* detector, int rate_hz, int model_rate_hz);

  // As Intake: before push(), which calls work() after each piece.
  void check(const AudioView& audio) { intake_.check(audio); }
  template <class Work>
  void push(const AudioView& audio, Work&& work) {
    intake_.push(audio, [&](const float* samples, std::size_t n_samples) {
      hand_on(samples, n_samples);
      work();
    });
  }
  void finish();
  void reset();

  // The utterance to be recognised now; null: none yet.
  const Utterance* utterance() const { return utterances_.empty() ? nullptr : &utterances_.front(); }
  void next_utterance() { utterances_.pop_front(); }
  // Samples of that utterance that wait to be taken; taken() drops them.
  const float* samples() const;
  std::size_t n_samples() const;
  void taken(std::size_t n_samples);
  // Whether everything has been pushed and taken, and every utterance is over.
  bool is_exhausted() const { return is_finished_ && utterances_.empty(); }
  std::uint64_t n_pushed() const { return intake_.n_pushed(); }
  double pushed_s() const { return intake_.pushed_s(); }
  // Up to here it is settled what is speech.
  double decided_s() const { return static_cast<double>(decided_) / model_rate_hz_; }

 private:
  void hand_on(const float* samples, std::size_t n_samples);
  void note_speech();
  void drop_unneeded();

  int model_rate_hz_;
  Intake intake_;
  std::unique_ptr<SpeechDetector> detector_;
  std::vector<float> held_;  // samples from held_begin_ on
  std::uint64_t held_begin_ = 0;
  std::uint64_t n_held_end_ = 0;  // samples so far
  std::uint64_t taken_ = 0;       // of the current utterance, absolute
  std::uint64_t decided_ = 0;
  std::deque<Utterance> utterances_;
  bool is_finished_ = false;
};

}  // namespace fastctc
