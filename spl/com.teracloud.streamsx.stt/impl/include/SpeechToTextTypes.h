// What goes into a SpeechToTextSession and what comes out. C++11, fastctc and the standard library; nothing of Streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace speech_to_text {

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
  int sample_rate_hz = 0;  // of raw samples; 0: what the audio says, else the model's. A WAV header tells its own
  int n_channels = 0;      // of raw samples, interleaved; 0: what the audio says, else 1. A WAV header tells its own
  int channel = -1;        // the channel to transcribe, from 0; -1: all, each on its own

  int beam_size = 0;  // 0: greedy, unless something below needs beam search
  std::string language_model;
  std::string lexicon;                 // a file with `WORD PIECE PIECE ...` a line: only its words are found
  std::string word_end;                // a piece put after every spelling of the lexicon, as "<wb>"
  std::vector<std::string> hot_words;  // "PHRASE" or "PHRASE:BONUS"; of the lexicon's words, where there is one
  int max_alternatives = 1;
  bool word_alternatives = false;            // SpeechToTextResult::word_alternatives is wanted
  double word_alternatives_threshold = 0.0;  // [0, 1): those of a lower confidence are left out
  std::vector<std::string> keywords;         // words or phrases that SpeechToTextResult::keywords reports
  double keywords_threshold = 0.3;           // [0, 1): those of a lower confidence are left out
  int endpoint_silence_ms = -1;              // pause that ends an utterance; -1: fastctc's default; 0: none does

  // A conversation ends that got nothing for so long, by the wall clock; 0: none does.
  double conversation_timeout_s = 0.0;
  int max_conversations = 100;  // open at a time

  ErrorPolicy error_policy = ErrorPolicy::fail;
  // A conversation whose last tuple would have nothing to say gets one that tells its end, or its error.
  bool reports_completion = false;
  // save() is used: the audio is kept that restore() replays.
  bool keeps_audio = false;
  // Then the end of an utterance after as much audio starts afresh, without the audio before: what is kept is this
  // and the utterance that is being spoken. 0: every end of an utterance does.
  double keeps_audio_s = 600.0;
};

// What comes with a piece of audio about it.
struct AudioDescription {
  int sample_rate_hz = 0;  // 0: nothing is said
  int n_channels = 0;      // interleaved in the piece; 0: nothing is said
  int channel = -1;        // the one that the piece is of, from 0; -1: nothing is said, or several are interleaved

  // The channel; -1 for whatever is none.
  int source_channel() const { return channel < 0 ? -1 : channel; }
};

// A word that may stand in a word's place.
struct WordAlternative {
  std::string word;
  double confidence;  // [0, 1]
};

// Where a keyword was said.
struct KeywordMatch {
  std::string keyword;  // as SpeechToTextOptions::keywords has it
  double start_s = 0;   // from the start of the conversation
  double end_s = 0;
  double confidence = 0;  // [0, 1], of its least sure word
};

struct SpeechToTextResult {
  std::string conversation_id;
  int channel = 0;            // from 0
  int source_channel = -1;    // AudioDescription::channel of the audio it comes from
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
  std::vector<std::string> alternatives;                        // best first, the text itself among them
  std::vector<std::vector<WordAlternative>> word_alternatives;  // of each word, best first, the word itself among them
  std::vector<KeywordMatch> keywords;                           // by their start
  std::string error_message;                                    // of the conversation; empty: none
};

struct SpeechToTextError {
  std::string conversation_id;
  int source_channel = -1;  // AudioDescription::channel of the audio; -1: none of them, or nothing was said
  std::string message;      // what, where (the conversation, the file), what to do
};

struct SpeechToTextMetrics {
  std::int64_t n_audio_bytes = 0;
  std::int64_t n_conversations = 0;  // that have ended
  std::int64_t n_utterances = 0;     // final results
  std::int64_t n_errors = 0;
  std::int64_t real_time_factor_percent = 0;  // time spent in recognition of the audio's length, since the start
  std::int64_t last_latency_ms = 0;           // how old the end of the last result was when it was given out
};

// Who gets the output, one call at a time, in a thread that called the session: it must not call the session back.
// May throw: the exception passes through.
class SpeechToTextSink {
 public:
  virtual ~SpeechToTextSink() = default;
  virtual void result(const SpeechToTextResult& result) = 0;
  virtual void conversation_end(const std::string& conversation_id) = 0;  // once each, after its last result
  virtual void error(const SpeechToTextError& error) = 0;
};

}  // namespace speech_to_text
