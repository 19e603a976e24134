// From the log-probs of a live utterance to its segments: decoding, endpoints, partial and final results.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "fastctc/decoder.h"
#include "fastctc/endpoint.h"
#include "fastctc/options.h"
#include "fastctc/recognizer.h"
#include "fastctc/types.h"

namespace fastctc {

// Frames count from the start of the utterance. Rules are tested after every frame, so neither the size of a chunk nor
// that of a push moves an endpoint. An endpoint resets the decoder, not the acoustic model, because the signal goes on.
class SegmentDecoder {
 public:
  SegmentDecoder(const Recognizer& recognizer, const StreamOptions& options);

  // Begins an utterance whose first frame is at offset_s.
  void begin(double offset_s);
  void step(const LogProbs& log_probs, std::deque<StreamResult>& results);
  // Sets the end of the utterance: times are cut at duration_s.
  void end_at(double duration_s) { duration_s_ = duration_s; }
  // Makes the last segment final, after every frame of the utterance and end_at().
  void finish(EndpointCause cause, std::deque<StreamResult>& results);
  // Forgets everything: segments count from 0 again.
  void reset();

  double decoded_s() const;
  // Where the last final segment of this utterance ends, from the start of the stream.
  double last_end_s() const { return offset_s_ + last_end_s_; }

 private:
  void step_frame(const float* log_probs, std::size_t n_tokens, std::deque<StreamResult>& results);
  void end_segment(EndpointCause cause, std::deque<StreamResult>& results);
  void emit_partial(std::deque<StreamResult>& results);
  void emit_final(const std::vector<Hypothesis>& n_best, double end_s, EndpointCause cause,
                  std::deque<StreamResult>& results);
  Hypothesis with_carry(Hypothesis hypothesis) const;
  std::vector<Hypothesis> n_best(bool goes_on) const;
  std::size_t last_token_end() const;
  StreamResult result(const std::vector<Hypothesis>& n_best, double end_s) const;
  std::size_t n_stable_words(const std::vector<AlignedToken>& tokens) const;
  double time_s(std::size_t frame) const { return static_cast<double>(frame) * frame_s_; }

  Recognizer recognizer_;
  DecoderOptions options_;
  std::unique_ptr<Decoder> decoder_;
  Endpointer endpointer_;
  bool gives_partials_;
  bool is_speech_;  // utterances are segments of a speech detector
  double frame_s_;

  double offset_s_ = 0;              // of the utterance
  double duration_s_ = 0;            // of the utterance; infinite until it is known
  double last_end_s_ = 0;            // of its last final segment
  std::size_t segment_ = 0;          // number of the open segment
  std::size_t n_frames_ = 0;         // decoded
  std::size_t start_frame_ = 0;      // of the segment
  std::size_t decoder_frame_ = 0;    // where the decoder started
  std::vector<AlignedToken> carry_;  // of a word that the last segment left open
  std::vector<int> emitted_;         // tokens of the segment's last partial result
};

}  // namespace fastctc
