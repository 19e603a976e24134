// What conversations gave, to the sink, and the counters of a session.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "SpeechToTextConversation.h"
#include "SpeechToTextRegistry.h"
#include "SpeechToTextResults.h"
#include "SpeechToTextState.h"
#include "SpeechToTextTypes.h"

namespace speech_to_text {

// One thread at a time.
class SpeechToTextDelivery {
 public:
  using Clock = SpeechToTextRegistry::Clock;
  using Entry = SpeechToTextRegistry::Entry;
  using Outputs = SpeechToTextConversation::Outputs;

  // Both must outlive it.
  SpeechToTextDelivery(const SpeechToTextOptions& options, SpeechToTextSink& sink) : options_(options), sink_(sink) {}

  // What the conversation gave since the last time; of one that is ending it waits, since which is its last result
  // shows when all are there. The message of what stopped the recognition.
  std::string collect(const std::string& id, Entry& entry) {
    if (entry.is_ending) return attempt([&entry] { entry.conversation->collect(entry.ending_outputs); });
    if (!entry.error.empty()) return std::string();
    Outputs outputs;
    const std::string message = attempt([&] { entry.conversation->collect(outputs); });
    deliver(id, entry, outputs, false);
    return message;
  }
  // Gives out what waited.
  void deliver_ending(const std::string& id, Entry& entry, bool is_last) {
    deliver(id, entry, entry.ending_outputs, is_last);
  }
  // The conversation is over.
  void end(const std::string& id) {
    ++metrics_.n_conversations;
    sink_.conversation_end(id);
  }
  void error(const SpeechToTextError& error) {
    ++metrics_.n_errors;
    sink_.error(error);
  }

  // Runs `step` on the conversation and counts what it took. The message of what it raised; empty: nothing.
  template <class Step>
  std::string attempt_work(Entry& entry, const Step& step) {
    const Clock::time_point start = Clock::now();
    const std::string message = attempt([&] { step(*entry.conversation); });
    count_work(seconds_since(start), entry.conversation->take_audio_s());
    return message;
  }
  void count_work(double busy_s, double audio_s) {
    busy_s_ += busy_s;
    audio_s_ += audio_s;
    if (audio_s_ <= 0) return;
    metrics_.real_time_factor_percent = static_cast<std::int64_t>(std::llround(100 * busy_s_ / audio_s_));
  }
  void count_bytes(std::size_t n_bytes) { metrics_.n_audio_bytes += static_cast<std::int64_t>(n_bytes); }
  const SpeechToTextMetrics& metrics() const { return metrics_; }
  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  // The counters. What this process spent on its work is not among them: the same conversations give the same bytes.
  void save(StateWriter& writer) const {
    for (const std::int64_t value : {metrics_.n_audio_bytes, metrics_.n_conversations, metrics_.n_utterances,
                                     metrics_.n_errors, metrics_.last_latency_ms}) {
      writer.integer(value);
    }
  }
  void restore(StateReader& reader) {
    clear();
    for (std::int64_t* value : {&metrics_.n_audio_bytes, &metrics_.n_conversations, &metrics_.n_utterances,
                                &metrics_.n_errors, &metrics_.last_latency_ms}) {
      *value = reader.integer();
    }
  }
  void clear() {
    metrics_ = SpeechToTextMetrics();
    busy_s_ = audio_s_ = 0;
  }

 private:
  void deliver(const std::string& id, const Entry& entry, Outputs& outputs, bool is_last) {
    std::vector<SpeechToTextResult> results;
    for (const SpeechToTextConversation::Output& output : outputs) {
      if (!entry.conversation->says_something(output.result)) continue;
      results.push_back(make_result(options_, id, entry.error, output));
      const double age_s = output.pushed_s - output.result.end_s + seconds_since(entry.last_push);
      metrics_.last_latency_ms = static_cast<std::int64_t>(std::llround(1000 * age_s));
    }
    outputs.clear();
    if (is_last && options_.reports_completion && results.empty()) {
      results.push_back(make_closing_result(options_, id, entry.error));
    }
    if (is_last && !results.empty()) results.back().is_completed = true;
    for (const SpeechToTextResult& result : results) {
      metrics_.n_utterances += result.is_final && !result.text.empty();
      sink_.result(result);
    }
  }

  const SpeechToTextOptions& options_;
  SpeechToTextSink& sink_;
  SpeechToTextMetrics metrics_;
  double busy_s_ = 0;   // spent in recognition
  double audio_s_ = 0;  // recognised
};

}  // namespace speech_to_text
