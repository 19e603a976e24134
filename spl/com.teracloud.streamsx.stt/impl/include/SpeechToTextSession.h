// The recognition logic of the operator SpeechToText: bytes of conversations in, results out.
//
// Any thread may call; nothing of Streams stands here, so that all of it is tested without. The session starts no
// thread. Live conversations are recognised in batches, by whoever calls step(): the operator has a thread that does,
// and push() does where it comes before recognition. The order of one conversation's results never depends on it.
#pragma once

#include <fastctc/error.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "Recording.h"
#include "SpeechToTextConversation.h"
#include "SpeechToTextDelivery.h"
#include "SpeechToTextModel.h"
#include "SpeechToTextRegistry.h"
#include "SpeechToTextState.h"
#include "SpeechToTextTypes.h"

namespace speech_to_text {

class SpeechToTextSession {
 public:
  using Clock = SpeechToTextRegistry::Clock;

  // Loads the model. Raises fastctc::Error; its message says what to do. `sink` must outlive the session.
  SpeechToTextSession(const SpeechToTextOptions& options, SpeechToTextSink& sink)
      : options_(options), model_(options), registry_(model_, options_), delivery_(options_, sink) {}

  // Bytes of the conversation `id`, in pieces of any size; none end it. Raises std::runtime_error on audio that can't
  // be used (ErrorPolicy::fail; the conversation is then closed, without a result).
  void push(const std::string& id, const void* bytes, std::size_t n_bytes,
            const AudioDescription& about = AudioDescription()) {
    if (n_bytes == 0) return end(id, about);
    const std::lock_guard<std::mutex> call(calls_);
    push_bytes(id, std::string(), static_cast<const char*>(bytes), n_bytes, about);
  }

  // A recording of the conversation, in the options' format, with a WAV header of its own. A conversation may have
  // several, of one rate and number of channels. No path: its end. Raises as push().
  void push_file(const std::string& id, const std::string& path, const AudioDescription& about = AudioDescription()) {
    if (path.empty()) return end(id, about);
    const std::lock_guard<std::mutex> call(calls_);
    if (is_cancelled() || !is_usable(id, about)) return;
    FileBytes file(path);
    if (!file.is_open()) return fail(id, about, path + ": " + file.fault());
    if (!recognise(id, path, about, [&](Conversation& own) { own.begin_recording(about); })) return;
    std::vector<char> piece(kPieceBytes());
    while (const std::size_t n = file.read(piece.data(), piece.size())) {
      if (!push_bytes(id, path, piece.data(), n, about)) return;
    }
    if (!file.fault().empty()) return fail(id, about, path + ": " + file.fault());
    recognise(id, path, about, [&](Conversation& own) { own.finish_recording(about); });
  }

  // The conversation is over: its last results, then SpeechToTextSink::conversation_end(). Does nothing where it is not
  // open. Where `about` names a channel, that one is over, and the conversation with the last of those that it has.
  void end(const std::string& id, const AudioDescription& about = AudioDescription()) {
    const std::lock_guard<std::mutex> call(calls_);
    {
      const std::lock_guard<std::mutex> lock(state_);
      Entry* entry = registry_.find(id);
      if (!entry) return;
      entry->last_push = Clock::now();
      if (!entry->conversation->end_track(about) && about.channel >= 0) return;
    }
    end_each({id});
  }
  // All are, in the order in which they began.
  void end_all() {
    const std::lock_guard<std::mutex> call(calls_);
    end_each(open_ids());
  }

  // Whether somebody has to call step() for results to come while audio does, and for time-outs.
  bool needs_steps() const { return model_.pool || options_.conversation_timeout_s > 0; }
  // Recognises a batch of what is ready, and gives its results out; ends conversations that timed out. Whether there
  // was anything to recognise.
  bool step() {
    bool has_stepped = false;
    {
      const std::lock_guard<std::mutex> step(step_);
      has_stepped = run_batch();
    }
    if (options_.conversation_timeout_s > 0) expire(Clock::now());
    return has_stepped;
  }
  // Waits until a step has something to do, timeout_s at most.
  void wait(double timeout_s) {
    if (model_.pool) {
      model_.pool->wait(timeout_s);
      return;
    }
    std::unique_lock<std::mutex> lock(cancel_mutex_);
    cancelled_.wait_for(lock, std::chrono::duration<double>(timeout_s), [this] { return is_cancelled(); });
  }
  // Ends the conversations that got nothing since conversation_timeout_s before `now`.
  void expire(Clock::time_point now) {
    std::unique_lock<std::mutex> call(calls_, std::try_to_lock);
    if (!call) return;  // whoever calls is not idle; the next step looks again
    end_each(ids_where([&](const Entry& entry) {
      return std::chrono::duration<double>(now - entry.last_push).count() > options_.conversation_timeout_s;
    }));
  }
  // Everything that was pushed and can be is recognised and given out.
  void settle() {
    const std::lock_guard<std::mutex> call(calls_);
    for (const std::string& id : open_ids()) recognise_ready(id);
  }

  // From now on calls return early and give nothing.
  void cancel() {
    {
      const std::lock_guard<std::mutex> lock(cancel_mutex_);
      is_cancelled_.store(true);
    }
    cancelled_.notify_all();
  }
  bool is_cancelled() const { return is_cancelled_.load(); }
  bool is_open(const std::string& id) const {
    const std::lock_guard<std::mutex> lock(state_);
    return registry_.find(id) != nullptr;
  }
  // Conversations that are open, those that were refused not counted.
  std::size_t n_open() const {
    const std::lock_guard<std::mutex> lock(state_);
    return registry_.n_open();
  }

  SpeechToTextMetrics metrics() const {
    const std::lock_guard<std::mutex> lock(state_);
    return delivery_.metrics();
  }
  const SpeechToTextOptions& options() const { return options_; }

  // The counters and, with SpeechToTextOptions::keeps_audio, the open conversations.
  std::string save() const {
    const std::lock_guard<std::mutex> call(calls_);
    const std::lock_guard<std::mutex> lock(state_);
    StateWriter writer;
    writer.integer(kVersion);
    delivery_.save(writer);
    if (options_.keeps_audio) {
      registry_.save(writer);
    } else {
      writer.integer(0);
    }
    return writer.bytes();
  }
  // The session as it was at save(): the audio runs through the model again, what it gives is not given out again.
  // Raises std::runtime_error on other bytes; the session is then as after reset().
  void restore(const std::string& bytes) {
    const std::lock_guard<std::mutex> call(calls_);
    const std::lock_guard<std::mutex> lock(state_);
    clear();
    try {
      StateReader reader(bytes);
      read(reader);
    } catch (...) {
      clear();
      throw;
    }
  }
  // As after construction.
  void reset() {
    const std::lock_guard<std::mutex> call(calls_);
    const std::lock_guard<std::mutex> lock(state_);
    clear();
  }

 private:
  using Conversation = SpeechToTextConversation;
  using Entry = SpeechToTextRegistry::Entry;
  static constexpr std::int64_t kVersion = 2;
  // So much is recognised between two looks at the cancel flag.
  static std::size_t kPieceBytes() { return 1 << 16; }

  // --- What calls do; calls_ is held ---------------------------------------------------------------------------------

  // Whether the conversation is there and takes audio; opens it.
  bool is_usable(const std::string& id, const AudioDescription& about) {
    std::string refusal;
    {
      const std::lock_guard<std::mutex> lock(state_);
      if (Entry* entry = registry_.find(id)) {
        entry->last_push = Clock::now();
        if (!entry->error.empty()) entry->conversation->skip(about);
        return entry->error.empty();
      }
      if (registry_.n_open() >= static_cast<std::size_t>(options_.max_conversations)) {
        refusal = std::to_string(options_.max_conversations) +
                  " conversations are open already (parameter maxConversations), so this one is not transcribed. End "
                  "conversations by an empty blob or a window marker, set conversationTimeout, or allow more.";
      }
      Entry& entry = registry_.open(id);
      if (refusal.empty()) return true;
      entry.is_refused = true;
      entry.conversation->skip(about);
    }
    forget_refused();
    fail(id, about, refusal);
    return false;
  }

  // False where the conversation took an error.
  bool push_bytes(const std::string& id, const std::string& path, const char* bytes, std::size_t n_bytes,
                  const AudioDescription& about) {
    if (is_cancelled()) return false;
    const bool is_usable_now = is_usable(id, about);
    {
      const std::lock_guard<std::mutex> lock(state_);
      delivery_.count_bytes(n_bytes);
    }
    if (!is_usable_now) return false;
    while (n_bytes > 0) {
      const std::size_t n = std::min(n_bytes, kPieceBytes());
      if (!recognise(id, path, about, [&](Conversation& own) { own.push(bytes, n, about); })) return false;
      recognise_while(id, [](const Conversation& conversation) { return conversation.is_behind(); });
      if (is_cancelled() || !is_usable(id, about)) return false;
      bytes += n;
      n_bytes -= n;
    }
    return true;
  }

  // Whether `step` went well.
  template <class Step>
  bool recognise(const std::string& id, const std::string& path, const AudioDescription& about, const Step& step) {
    std::string message;
    {
      const std::lock_guard<std::mutex> lock(state_);
      Entry* entry = registry_.find(id);
      if (!entry) return false;
      message = delivery_.attempt_work(*entry, step);
    }
    if (message.empty()) return true;
    recognise_ready(id);  // what came before the error is given out before it
    fail(id, about, path.empty() ? message : path + ": " + message);
    return false;
  }

  // Steps while the condition holds for the conversation. No results of it are on their way after that: whoever steps
  // gives them out before another one can.
  template <class Condition>
  void recognise_while(const std::string& id, const Condition& condition) {
    while (!is_cancelled()) {
      const std::lock_guard<std::mutex> step(step_);
      {
        const std::lock_guard<std::mutex> lock(state_);
        const Entry* entry = registry_.find(id);
        if (!entry || !condition(*entry->conversation)) return;
      }
      run_batch();
    }
  }
  void recognise_ready(const std::string& id) {
    recognise_while(id, [](const Conversation& conversation) { return conversation.is_ready(); });
  }

  // Those of them that are open, side by side.
  void end_each(const std::vector<std::string>& ids) {
    for (const std::string& id : ids) recognise_ready(id);
    std::map<std::string, std::string> messages;
    for (const std::string& id : ids) {
      const std::lock_guard<std::mutex> lock(state_);
      Entry* entry = registry_.find(id);
      if (!entry || is_cancelled()) continue;
      entry->is_ending = true;
      messages[id] = delivery_.attempt_work(*entry, [entry](Conversation& conversation) {
        if (entry->error.empty()) {
          conversation.finish();
        } else {
          conversation.finish_channels();
        }
      });
    }
    for (const std::string& id : ids) recognise_ready(id);
    for (const std::string& id : ids) {
      if (!is_cancelled() && messages.count(id) > 0) close(id, messages[id]);
    }
  }
  // message: what was wrong with its end.
  void close(const std::string& id, std::string message) {
    {
      const std::lock_guard<std::mutex> lock(state_);
      Entry* entry = registry_.find(id);
      if (!entry) return;
      entry->is_ending = true;
      const std::string of_results = delivery_.collect(id, *entry);
      if (message.empty()) message = of_results;
      if (!entry->error.empty()) message.clear();  // it was told
      if (!message.empty() && options_.error_policy == ErrorPolicy::fail) {
        delivery_.deliver_ending(id, *entry, false);
      }
    }
    if (!message.empty()) fail(id, AudioDescription(), message);
    const std::lock_guard<std::mutex> lock(state_);
    Entry* entry = registry_.find(id);
    if (!entry) return;
    delivery_.deliver_ending(id, *entry, true);
    registry_.erase(id);
    delivery_.end(id);
  }

  // The conversation is broken: the rest of it is skipped, or the exception leaves the session.
  void fail(const std::string& id, const AudioDescription& about, const std::string& reason) {
    SpeechToTextError error;
    error.conversation_id = id;
    error.source_channel = about.source_channel();
    error.message =
        id.empty() || reason.compare(0, id.size(), id) == 0 ? reason : "Conversation '" + id + "': " + reason;
    const std::lock_guard<std::mutex> lock(state_);
    if (Entry* entry = registry_.find(id)) {
      entry->error = error.message;
      entry->conversation->abandon();
    }
    if (options_.error_policy == ErrorPolicy::fail) registry_.erase(id);
    delivery_.error(error);
    if (options_.error_policy == ErrorPolicy::fail) throw std::runtime_error(error.message);
  }

  template <class Condition>
  std::vector<std::string> ids_where(const Condition& condition) const {
    const std::lock_guard<std::mutex> lock(state_);
    return registry_.ids_where(condition);
  }
  std::vector<std::string> open_ids() const {
    return ids_where([](const Entry&) { return true; });
  }

  // Of those that were refused as many are remembered as may be open: callers that never end a conversation must not
  // fill the memory. Who comes again after that is told again.
  void forget_refused() {
    const std::vector<std::string> ids = ids_where([](const Entry& entry) { return entry.is_refused; });
    if (ids.size() > static_cast<std::size_t>(options_.max_conversations)) close(ids.front(), std::string());
  }

  // --- Recognition; step_ is held ------------------------------------------------------------------------------------

  // Whether there was something to recognise.
  bool run_batch() {
    if (!model_.pool || is_cancelled()) return false;
    const Clock::time_point start = Clock::now();
    const std::size_t n_streams = model_.pool->step();
    const double busy_s = SpeechToTextDelivery::seconds_since(start);
    std::vector<std::pair<std::string, std::string>> failed;
    {
      const std::lock_guard<std::mutex> lock(state_);
      delivery_.count_work(busy_s, 0);
      for (const std::string& id : registry_.ids()) {
        const std::string message = delivery_.collect(id, *registry_.find(id));
        if (!message.empty()) failed.push_back(std::make_pair(id, message));
      }
    }
    for (const auto& entry : failed) fail(entry.first, AudioDescription(), entry.second);
    return n_streams > 0;
  }

  void clear() {
    registry_.clear();
    delivery_.clear();
  }
  void read(StateReader& reader) {
    if (reader.integer() != kVersion) StateReader::broken();
    delivery_.restore(reader);
    registry_.restore(reader);
    reader.expect_end();
  }

  SpeechToTextOptions options_;
  SpeechToTextModel model_;
  std::atomic<bool> is_cancelled_{false};
  std::mutex cancel_mutex_;
  std::condition_variable cancelled_;

  mutable std::mutex calls_;  // push and end, one at a time; taken before state_
  std::mutex step_;           // the pool's steps, one at a time: what they take is counted once
  mutable std::mutex state_;  // all below, and the sink behind it; never held while the pool steps
  SpeechToTextRegistry registry_;
  SpeechToTextDelivery delivery_;
};

}  // namespace speech_to_text
