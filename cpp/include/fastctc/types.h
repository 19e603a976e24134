// The five values of fastctc:
//
//   AudioView -> Features -> LogProbs -> Hypothesis -> Transcript
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "fastctc/export.h"

namespace fastctc {

// Mono samples, owned by the caller. In [-1, 1]: beyond 32 they are surely 16-bit values, and refused by an AudioError.
struct AudioView {
  const float* samples = nullptr;
  std::size_t n_samples = 0;
  int sample_rate_hz = 0;  // 0: the rate that the model was trained with
};

// What the acoustic model reads, feature-major as in NeMo: values[feature * n_frames + frame].
// A model that takes the waveform itself has n_features = 1 and one frame per sample.
struct Features {
  std::vector<float> values;  // [n_features, n_frames]
  std::size_t n_features = 0;
  std::size_t n_frames = 0;        // columns, padding included
  std::size_t n_valid_frames = 0;  // columns that hold audio; the rest is padding
};

// Natural-log probabilities of one utterance, frame-major: values[frame * n_tokens + token].
struct LogProbs {
  std::vector<float> values;  // [n_frames, n_tokens]
  std::size_t n_frames = 0;   // valid frames only
  std::size_t n_tokens = 0;   // blank included
};

// The same, owned by the caller.
struct LogProbsView {
  const float* values = nullptr;  // [n_frames, n_tokens], contiguous
  std::size_t n_frames = 0;
  std::size_t n_tokens = 0;
};

// A token on the frame axis of the acoustic model's output.
struct AlignedToken {
  int id = 0;
  std::size_t start_frame = 0;  // first frame of its run
  std::size_t end_frame = 0;    // one past the last frame of its run
  float log_prob = 0;           // sum of its log-probs over the run
  float confidence = 0;         // [0, 1]
};

// What a decoder finds.
struct Hypothesis {
  std::vector<AlignedToken> tokens;
  // What the decoder maximises: of greedy the log-prob of the path, blanks included; of beam search
  // acoustic_score + lm_score + bonus_score.
  double score = 0;
  double acoustic_score = 0;  // log-prob: of the path (greedy), of the tokens over all paths (beam)
  double lm_score = 0;        // weighted
  double bonus_score = 0;     // words and hot words
  // Words as the decoder found them, of a lexicon whose tokens do not spell them; else empty: the vocabulary's.
  struct WordSpan {
    std::string text;
    std::size_t begin = 0;  // first token
    std::size_t end = 0;    // one past the last token
  };
  std::vector<WordSpan> words;
};

struct Token {
  int id = 0;
  std::string piece;  // as in the vocabulary, e.g. U+2581 "two"
  double start_s = 0;
  double end_s = 0;
  float log_prob = 0;
  float confidence = 0;  // [0, 1]
};

struct Word {
  std::string text;
  double start_s = 0;
  double end_s = 0;
  float confidence = 0;  // [0, 1]
  float score = 0;       // how well its tokens fit: their mean log-prob per frame, natural logarithm, 0 at best
};

// A part of the audio that holds speech.
struct SpeechSegment {
  double start_s = 0;
  double end_s = 0;
};

// One of the n best readings.
struct Alternative {
  std::string text;
  std::vector<Word> words;
  double score = 0;  // natural logarithm: acoustic_score + lm_score + bonus_score
  double acoustic_score = 0;
  double lm_score = 0;
  double bonus_score = 0;
  std::vector<Token> tokens;
};

struct Transcript {
  std::string text;  // equal to NeMo's ids_to_text
  std::vector<Word> words;
  std::vector<Token> tokens;
  float confidence = 1;                   // of the utterance, [0, 1]
  double duration_s = 0;                  // of the audio
  std::string method;                     // how it was computed: one_shot, steps, windows, stream (long_form.h)
  std::vector<SpeechSegment> speech;      // what voice activity detection found; empty where it was not asked for
  std::vector<Alternative> alternatives;  // best first, the transcript itself among them; empty unless n_best > 1
};

// What one channel of a recording said between two of its pauses.
struct ConversationSegment {
  std::size_t channel = 0;
  double start_s = 0;  // of its first word
  double end_s = 0;    // of its last word
  std::string text;    // that part of the channel's text
  std::vector<Word> words;
  float confidence = 1;  // [0, 1]: the mean of its words'
};

// A recording of several channels, each transcribed on its own (conversation.h).
struct Conversation {
  std::vector<ConversationSegment> segments;  // by start, then by channel; they may overlap
  std::vector<Transcript> channels;
  double duration_s = 0;  // of the longest channel
};

// Why a segment of a stream ended (endpoint.h); finish: the stream did.
enum class EndpointCause { none, no_speech, silence, max_length, finish };

// What a stream knows of one segment of its audio. Times count from the start of the stream.
struct StreamResult {
  bool is_final = false;
  EndpointCause cause = EndpointCause::none;  // of a final result
  std::size_t segment = 0;                    // number of the segment, from 0
  double start_s = 0;                         // where the segment starts
  double end_s = 0;                           // how far it is recognised
  Transcript transcript;                      // of the segment; duration_s is end_s - start_s
  std::size_t n_stable_words = 0;             // leading words that no later result of this segment changes
};

// One resolved property of a model and where its value came from.
struct Property {
  std::string name;
  std::string value;
  std::string source;  // "option", "manifest fastctc.json", "ONNX metadata", "graph", ...
};

}  // namespace fastctc
