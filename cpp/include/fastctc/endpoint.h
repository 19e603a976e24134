// When a live utterance is over.
#pragma once

#include <cstddef>

#include "fastctc/export.h"
#include "fastctc/options.h"
#include "fastctc/types.h"

namespace fastctc {

// The three rules of Kaldi's online decoders (OnlineEndpointConfig), as sherpa sets them, in seconds of audio:
//
//   no_speech   no token yet, and silence_without_speech_s since the segment's start
//   silence     a token, and silence_after_speech_s since the end of the last one
//   max_length  max_length_s since the segment's start
//
// Silence is time without a token. The first rule in this order that holds fires. Frames count from the stream's start.
class FASTCTC_API Endpointer {
 public:
  // Raises OptionError.
  Endpointer(const EndpointOptions& options, double frame_s);
  // Whether a rule holds once `n_frames` frames are decoded, of a segment that starts at `start_frame`;
  // last_token_end_frame: one past the last frame of its last token, ignored where has_token is false.
  EndpointCause test(std::size_t n_frames, std::size_t start_frame, bool has_token,
                     std::size_t last_token_end_frame) const;

 private:
  EndpointOptions options_;
  double frame_s_;
};

}  // namespace fastctc
