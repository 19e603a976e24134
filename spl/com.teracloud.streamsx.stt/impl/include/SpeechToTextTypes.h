// What goes into a SpeechToTextSession and what comes out. C++14, fastctc and the standard library; nothing of Streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace com {
namespace teracloud {
namespace streamsx {
namespace stt {

enum class ResultMode {
  partial,    // what is known so far, then the utterance
  utterance,  // each utterance when it has ended
  complete,   // the whole conversation, when it has ended
};
enum class AudioFormat { pcm16, wav, mulaw, alaw };
// Of audio that can't be used. fail: the exception leaves the session. skip: the rest of the conversation is skipped.
enum class ErrorPolicy { fail, skip };

struct SpeechToTextOptions {
  std::string model_path;   // a model directory, or an ONNX file in one
  std::string tokens_path;  // empty: the directory tells
  int blank_id = -1;        // -1: the directory tells
  int num_threads = 1;      // of one run of the graph
  std::string provider = "CPU";

  ResultMode result_mode = ResultMode::complete;
  int latency_ms = -1;  // look-ahead of the cache-aware graph; -1: the longest. Not of ResultMode::complete
  AudioFormat audio_format = AudioFormat::pcm16;
  int sample_rate_hz = 0;  // of raw samples; 0: the model's. A WAV header tells its own
  int n_channels = 1;      // of raw samples, interleaved. A WAV header tells its own
  int channel = -1;        // the channel to transcribe, from 0; -1: all, each on its own

  int beam_size = 0;  // 0: greedy, unless something below needs beam search
  std::string language_model;
  std::vector<std::string> hot_words;  // "PHRASE" or "PHRASE:BONUS"
  int max_alternatives = 1;
  int endpoint_silence_ms = -1;  // pause that ends an utterance; -1: fastctc's default; 0: none does

  ErrorPolicy error_policy = ErrorPolicy::fail;
  // A conversation whose last tuple would have nothing to say gets one that tells its end, or its error.
  bool reports_completion = false;
  // save() is used: the audio is kept that restore() replays.
  bool keeps_audio = false;
  // Then the end of an utterance after as much audio starts afresh, without the audio before: what is kept is this
  // and the utterance that is being spoken. 0: every end of an utterance does.
  double keeps_audio_s = 600.0;
};

struct SpeechToTextResult {
  std::string conversation_id;
  int channel = 0;            // from 0
  int utterance_number = 0;   // of the channel's utterances in this conversation, from 1
  bool is_final = false;      // false: later results of this utterance may differ
  bool is_completed = false;  // the last one of its conversation
  std::string text;
  double confidence = 0;  // [0, 1]
  double start_s = 0;     // of its first word, from the start of the conversation
  double end_s = 0;       // of its last word
  std::vector<std::string> words;
  std::vector<double> word_confidences;
  std::vector<double> word_start_s;
  std::vector<double> word_end_s;
  std::vector<std::string> alternatives;  // best first, the text itself among them
  std::string error_message;              // of the conversation; empty: none
};

struct SpeechToTextError {
  std::string conversation_id;
  std::string message;  // what, where, what to do
};

struct SpeechToTextMetrics {
  std::int64_t n_audio_bytes = 0;
  std::int64_t n_conversations = 0;  // that have ended
  std::int64_t n_utterances = 0;     // final results
  std::int64_t n_errors = 0;
  std::int64_t real_time_factor_percent = 0;  // time spent in recognition of the audio's length, since the start
  std::int64_t last_latency_ms = 0;           // how old the end of the last result was when it was given out
};

// Who gets the output, in the thread that called the session. May throw: the exception passes through.
class SpeechToTextSink {
 public:
  virtual ~SpeechToTextSink() = default;
  virtual void result(const SpeechToTextResult& result) = 0;
  virtual void conversation_end() = 0;  // once a conversation, after its last result
  virtual void error(const SpeechToTextError& error) = 0;
};

}  // namespace stt
}  // namespace streamsx
}  // namespace teracloud
}  // namespace com
