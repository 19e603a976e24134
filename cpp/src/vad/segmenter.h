// From the scores of frames to segments of speech.
#pragma once

#include <cstdint>
#include <vector>

#include "fastctc/options.h"
#include "fastctc/types.h"
#include "vad/frame_scorer.h"

namespace fastctc {

// The same for every kind of detection. Times in samples, [begin, end) per frame:
//
//   a segment opens   at begin of a frame with score >= open
//   it pauses         at begin of the first frame with score < close since the last one with score >= open
//   it closes         with a frame with score < close, when end - pause >= max(min_silence_s, 2 padding_s), or with
//                     the audio; its speech ends where it pauses
//   it counts         if its speech lasts min_speech_s
//   what is given     [opening - padding_s, end of speech + padding_s), cut to the audio
//
// Two neighbours' paddings never meet, since a pause of less than two does not close. This is the state machine of
// Silero's get_speech_timestamps, except that there a pause is measured to the last frame's begin, and speech at the
// end of the audio always lasts to the end.
class Segmenter {
 public:
  Segmenter(const VadOptions& options, int sample_rate_hz, double open_score, double close_score);

  void push(const FrameScore& frame);
  void finish(std::uint64_t n_samples);
  void reset();

  std::vector<SpeechSegment> take();
  // A segment that counts is open.
  bool in_speech() const { return opened_ && counts_; }
  double open_start_s() const;
  // n_samples: pushed so far. See SpeechDetector::decided_s().
  double decided_s(std::uint64_t n_samples) const;

 private:
  void close(std::uint64_t last_sample);
  std::uint64_t speech_end() const { return paused_ ? pause_ : position_; }
  std::uint64_t before(std::uint64_t sample) const { return sample > padding_ ? sample - padding_ : 0; }
  double seconds(std::uint64_t sample) const { return static_cast<double>(sample) / sample_rate_hz_; }

  double sample_rate_hz_;
  double open_score_;
  double close_score_;
  std::uint64_t min_speech_;
  std::uint64_t min_silence_;
  std::uint64_t padding_;

  std::uint64_t position_ = 0;  // end of the last frame
  std::uint64_t opening_ = 0;   // of the open segment
  std::uint64_t pause_ = 0;     // where it pauses
  std::uint64_t last_end_ = 0;  // of the last segment given
  bool opened_ = false;
  bool paused_ = false;
  bool counts_ = false;
  bool finished_ = false;
  std::vector<SpeechSegment> segments_;
};

}  // namespace fastctc
