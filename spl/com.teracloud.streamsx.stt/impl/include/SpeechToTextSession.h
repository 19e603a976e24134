// The recognition logic of the operator SpeechToText: bytes of conversations in, results out.
//
// No threads, no lock: the caller makes calls one at a time; only cancel() may come from another thread. Nothing of
// Streams stands here, so that all of it is tested without.
#pragma once

#include <fastctc/error.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "SpeechToTextBytes.h"
#include "SpeechToTextChannel.h"
#include "SpeechToTextModel.h"
#include "SpeechToTextState.h"
#include "SpeechToTextTypes.h"

namespace com {
namespace teracloud {
namespace streamsx {
namespace stt {

class SpeechToTextSession {
 public:
  // Loads the model. Raises fastctc::Error; its message says what to do. `sink` must outlive the session.
  SpeechToTextSession(const SpeechToTextOptions& options, SpeechToTextSink& sink)
      : options_(options), sink_(sink), model_(options) {}

  // What is pushed next belongs to the conversation `id`: an open one of another id ends here.
  void begin(const std::string& id) {
    if (is_open_ && id != id_) end();
    if (!is_open_) id_ = id;
  }

  // Bytes of the conversation's audio, in pieces of any size; none end it. Raises std::runtime_error on audio that
  // can't be used (ErrorPolicy::fail; the conversation is then closed, without a result).
  void push(const void* bytes, std::size_t n_bytes) {
    if (is_cancelled()) return;
    if (n_bytes == 0) return end();
    is_open_ = true;
    metrics_.n_audio_bytes += static_cast<std::int64_t>(n_bytes);
    const Stopwatch watch(*this);
    const char* next = static_cast<const char*>(bytes);
    while (n_bytes > 0 && !is_broken_ && !is_cancelled()) {
      const std::size_t n = std::min(n_bytes, kPieceBytes());
      Outputs outputs;
      const std::string message = attempt([&] { recognise(next, n, outputs); });
      deliver(outputs, false, watch);
      if (!message.empty()) fail(message);
      next += n;
      n_bytes -= n;
    }
  }

  // A recording of the conversation, in the options' format, with a WAV header of its own. A conversation may have
  // several, of one rate and number of channels. Raises as push().
  void push_file(const std::string& path) {
    if (is_cancelled()) return;
    is_open_ = true;
    if (is_broken_) return;
    bytes_.reset();
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
    if (!file) return fail(path + ": there is no such file, or it can't be read.");
    std::vector<char> piece(kPieceBytes());
    for (;;) {
      const std::size_t n = std::fread(piece.data(), 1, piece.size(), file.get());
      if (n == 0) break;
      push(piece.data(), n);
      if (is_broken_ || is_cancelled()) return;
    }
    if (std::ferror(file.get())) return fail(path + ": can't be read to its end.");
    const Stopwatch watch(*this);
    Outputs outputs;
    const std::string message = attempt([&] { finish_bytes(outputs); });
    deliver(outputs, false, watch);
    if (!message.empty()) fail(path + ": " + message);
  }

  // The conversation is over: its last results, then conversation_end(). Does nothing where none is open.
  void end() {
    if (!is_open_ || is_cancelled()) return;
    const Stopwatch watch(*this);
    Outputs outputs;
    std::string message;
    if (!is_broken_) message = attempt([&] { finish_bytes(outputs); });
    const std::string message_of_channels = finish_channels(outputs);
    if (message.empty() && !is_broken_) message = message_of_channels;
    if (!message.empty() && options_.error_policy == ErrorPolicy::fail) deliver(outputs, false, watch);
    if (!message.empty()) fail(message);
    deliver(outputs, true, watch);
    close();
    ++metrics_.n_conversations;
    sink_.conversation_end();
  }

  // From now on calls return early and give nothing. From any thread.
  void cancel() { is_cancelled_.store(true); }
  bool is_cancelled() const { return is_cancelled_.load(); }
  bool is_open() const { return is_open_; }

  const SpeechToTextMetrics& metrics() const { return metrics_; }
  const SpeechToTextOptions& options() const { return options_; }

  // The counters and, with SpeechToTextOptions::keeps_audio, the open conversation.
  std::string save() const {
    StateWriter writer;
    writer.integer(kVersion);
    for (const std::int64_t value : {metrics_.n_audio_bytes, metrics_.n_conversations, metrics_.n_utterances,
                                     metrics_.n_errors, metrics_.last_latency_ms}) {
      writer.integer(value);
    }
    writer.real(busy_s_);
    writer.real(audio_s_);
    const bool is_open = is_open_ && options_.keeps_audio;
    writer.integer(is_open);
    writer.text(id_);
    if (!is_open) return writer.bytes();
    writer.integer(is_broken_);
    writer.text(error_message_);
    writer.integer(bytes_ != nullptr);
    if (bytes_) bytes_->save(writer);
    writer.integer(static_cast<std::int64_t>(channels_.size()));
    writer.integer(static_cast<std::int64_t>(n_channels_));
    writer.integer(sample_rate_hz_);
    for (const SpeechToTextChannel& channel : channels_) channel.save(writer);
    return writer.bytes();
  }
  // The session as it was at save(): the audio runs through the model again, what it gives is not given out again.
  // Raises std::runtime_error on other bytes; the session is then as after reset().
  void restore(const std::string& bytes) {
    reset();
    try {
      StateReader reader(bytes);
      read(reader);
    } catch (...) {
      reset();
      throw;
    }
  }
  // As after construction.
  void reset() {
    close();
    id_.clear();
    metrics_ = SpeechToTextMetrics();
    busy_s_ = audio_s_ = 0;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Output {
    std::size_t channel;  // of channels_
    double pushed_s;
    fastctc::StreamResult result;
  };
  using Outputs = std::vector<Output>;
  static constexpr std::int64_t kVersion = 1;
  // So much is recognised between two looks at the cancel flag.
  static std::size_t kPieceBytes() { return 1 << 16; }

  // The time that a call takes, for the metrics.
  class Stopwatch {
   public:
    explicit Stopwatch(SpeechToTextSession& session) : session_(session), start_(Clock::now()) {}
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;
    ~Stopwatch() {
      session_.busy_s_ += elapsed_s();
      session_.rate_work();
    }
    double elapsed_s() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

   private:
    SpeechToTextSession& session_;
    Clock::time_point start_;
  };

  void rate_work() {
    if (audio_s_ <= 0) return;
    metrics_.real_time_factor_percent = static_cast<std::int64_t>(std::llround(100 * busy_s_ / audio_s_));
  }

  // The message of what the recognition raised; empty: nothing.
  template <class Step>
  static std::string attempt(const Step& step) {
    try {
      step();
      return std::string();
    } catch (const std::exception& error) {
      return error.what();
    }
  }

  void recognise(const char* bytes, std::size_t n_bytes, Outputs& outputs) {
    if (!bytes_) bytes_.reset(new SpeechToTextBytes(options_));
    std::vector<float> samples;
    bytes_->push(bytes, n_bytes, samples);
    recognise(samples, outputs);
  }
  void finish_bytes(Outputs& outputs) {
    if (!bytes_) return;
    std::vector<float> samples;
    const std::unique_ptr<SpeechToTextBytes> bytes = std::move(bytes_);
    bytes->finish(samples);
    if (!samples.empty()) recognise(samples, outputs);
  }
  // The first error's message; a channel that fails costs the others nothing.
  std::string finish_channels(Outputs& outputs) {
    std::string message;
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      SpeechToTextChannel::Results results;
      const std::string own = attempt([&] { channels_[i].finish(results); });
      if (message.empty()) message = own;
      append(i, results, outputs);
    }
    return message;
  }

  // Interleaved samples of the format that bytes_ has.
  void recognise(const std::vector<float>& samples, Outputs& outputs) {
    if (bytes_ && bytes_->has_format()) open_channels(bytes_->format().n_channels, bytes_->format().sample_rate_hz);
    if (samples.empty() || channels_.empty()) return;
    const std::size_t n_frames = samples.size() / n_channels_;
    audio_s_ += static_cast<double>(n_frames) / sample_rate_hz_;
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      std::vector<float> own(n_frames);
      for (std::size_t frame = 0; frame < n_frames; ++frame) {
        own[frame] = samples[frame * n_channels_ + static_cast<std::size_t>(channel_number(i))];
      }
      SpeechToTextChannel::Results results;
      channels_[i].push(own, results);
      append(i, results, outputs);
    }
  }
  void open_channels(int n_channels, int rate_hz) {
    if (rate_hz == 0) rate_hz = model_.recognizer->sample_rate_hz();
    if (!channels_.empty()) {
      if (static_cast<std::size_t>(n_channels) == n_channels_ && rate_hz == sample_rate_hz_) return;
      throw fastctc::AudioError("The recordings of one conversation differ in their rate or their number of channels.");
    }
    if (options_.channel >= n_channels) {
      throw fastctc::AudioError("There is no channel " + std::to_string(options_.channel) + ": the audio has " +
                                std::to_string(n_channels) + ", counted from 0.");
    }
    n_channels_ = static_cast<std::size_t>(n_channels);
    sample_rate_hz_ = rate_hz;
    const std::size_t n = options_.channel < 0 ? n_channels_ : 1;
    for (std::size_t i = 0; i < n; ++i) channels_.emplace_back(model_, options_, rate_hz);
  }
  int channel_number(std::size_t index) const {
    return options_.channel < 0 ? static_cast<int>(index) : options_.channel;
  }
  void append(std::size_t channel, SpeechToTextChannel::Results& results, Outputs& outputs) const {
    for (fastctc::StreamResult& result : results) {
      outputs.push_back({channel, channels_[channel].pushed_s(), std::move(result)});
    }
  }

  void deliver(const Outputs& outputs, bool is_last, const Stopwatch& watch) {
    std::vector<SpeechToTextResult> results;
    for (const Output& output : outputs) {
      const bool says_something =
          !output.result.transcript.text.empty() || options_.result_mode == ResultMode::complete;
      if (!says_something) continue;
      results.push_back(assemble(output));
      metrics_.last_latency_ms =
          static_cast<std::int64_t>(std::llround(1000 * (output.pushed_s - output.result.end_s + watch.elapsed_s())));
    }
    if (is_last && options_.reports_completion && results.empty()) results.push_back(closing_result());
    if (is_last && !results.empty()) results.back().is_completed = true;
    for (const SpeechToTextResult& result : results) {
      metrics_.n_utterances += result.is_final && !result.text.empty();
      sink_.result(result);
    }
  }
  SpeechToTextResult assemble(const Output& output) {
    const fastctc::Transcript& transcript = output.result.transcript;
    SpeechToTextResult result;
    result.conversation_id = id_;
    result.channel = channel_number(output.channel);
    result.utterance_number = channels_[output.channel].n_utterances() + 1;
    if (output.result.is_final) channels_[output.channel].count_utterance();
    result.is_final = output.result.is_final;
    result.text = transcript.text;
    result.confidence = static_cast<double>(transcript.confidence);
    result.start_s = transcript.words.empty() ? output.result.start_s : transcript.words.front().start_s;
    result.end_s = transcript.words.empty() ? output.result.end_s : transcript.words.back().end_s;
    for (const fastctc::Word& word : transcript.words) {
      result.words.push_back(word.text);
      result.word_confidences.push_back(static_cast<double>(word.confidence));
      result.word_start_s.push_back(word.start_s);
      result.word_end_s.push_back(word.end_s);
    }
    for (const fastctc::Alternative& alternative : transcript.alternatives) {
      result.alternatives.push_back(alternative.text);
    }
    if (result.alternatives.empty() && result.is_final) result.alternatives.push_back(result.text);
    result.error_message = error_message_;
    return result;
  }
  // Of a conversation whose last utterance was given out before.
  SpeechToTextResult closing_result() const {
    SpeechToTextResult result;
    result.conversation_id = id_;
    result.channel = options_.channel < 0 ? 0 : options_.channel;
    result.is_final = true;
    result.error_message = error_message_;
    return result;
  }

  void fail(const std::string& message) {
    ++metrics_.n_errors;
    is_broken_ = true;
    bytes_.reset();
    error_message_ = message;
    sink_.error({id_, message});
    if (options_.error_policy == ErrorPolicy::skip) return;
    close();
    throw std::runtime_error(message);
  }
  void close() {
    is_open_ = is_broken_ = false;
    error_message_.clear();
    bytes_.reset();
    channels_.clear();
    n_channels_ = 0;
    sample_rate_hz_ = 0;
  }

  void read(StateReader& reader) {
    if (reader.integer() != kVersion) StateReader::broken();
    for (std::int64_t* value : {&metrics_.n_audio_bytes, &metrics_.n_conversations, &metrics_.n_utterances,
                                &metrics_.n_errors, &metrics_.last_latency_ms}) {
      *value = reader.integer();
    }
    busy_s_ = reader.real();
    audio_s_ = reader.real();
    rate_work();
    is_open_ = reader.integer() != 0;
    id_ = reader.text();
    if (!is_open_) return reader.expect_end();
    is_broken_ = reader.integer() != 0;
    error_message_ = reader.text();
    if (reader.integer() != 0) {
      bytes_.reset(new SpeechToTextBytes(options_));
      bytes_->restore(reader);
    }
    const std::size_t n_channels = reader.length(1);
    const int n_channels_of_audio = static_cast<int>(reader.integer());
    const int rate_hz = static_cast<int>(reader.integer());
    if (n_channels > 0) open_channels(n_channels_of_audio, rate_hz);
    if (channels_.size() != n_channels) StateReader::broken();
    for (SpeechToTextChannel& channel : channels_) channel.restore(reader);
    reader.expect_end();
  }

  SpeechToTextOptions options_;
  SpeechToTextSink& sink_;
  SpeechToTextModel model_;
  SpeechToTextMetrics metrics_;
  double busy_s_ = 0;   // spent in recognition
  double audio_s_ = 0;  // recognised
  std::atomic<bool> is_cancelled_{false};

  // The conversation.
  bool is_open_ = false;
  bool is_broken_ = false;  // the rest of it is skipped
  std::string id_;
  std::string error_message_;
  std::unique_ptr<SpeechToTextBytes> bytes_;  // of the recording that is being pushed
  std::vector<SpeechToTextChannel> channels_;
  std::size_t n_channels_ = 0;  // of the audio
  int sample_rate_hz_ = 0;
};

}  // namespace stt
}  // namespace streamsx
}  // namespace teracloud
}  // namespace com
