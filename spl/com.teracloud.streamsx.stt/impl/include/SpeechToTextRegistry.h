// The conversations of a session that are open.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "SpeechToTextConversation.h"
#include "SpeechToTextModel.h"
#include "SpeechToTextState.h"
#include "SpeechToTextTypes.h"

namespace speech_to_text {

// By their identifier, in the order in which they began. One thread at a time.
class SpeechToTextRegistry {
 public:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    std::unique_ptr<SpeechToTextConversation> conversation;
    std::int64_t number = 0;                           // of the conversations, as they began
    std::string error;                                 // what was wrong with it; the rest of it is skipped
    bool is_refused = false;                           // there were too many
    bool is_ending = false;                            // its results wait:
    SpeechToTextConversation::Outputs ending_outputs;  // which is the last shows when all are there
    Clock::time_point last_push;
  };

  // Both must outlive it.
  SpeechToTextRegistry(const SpeechToTextModel& model, const SpeechToTextOptions& options)
      : model_(model), options_(options) {}

  // Null: it is not open.
  Entry* find(const std::string& id) {
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : &found->second;
  }
  const Entry* find(const std::string& id) const {
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : &found->second;
  }
  Entry& open(const std::string& id) {
    Entry& entry = entries_[id];
    entry.conversation.reset(new SpeechToTextConversation(model_, options_));
    entry.number = ++n_begun_;
    entry.last_push = Clock::now();
    return entry;
  }
  void erase(const std::string& id) { entries_.erase(id); }
  void clear() {
    entries_.clear();
    n_begun_ = 0;
  }

  // Those that were refused not counted.
  std::size_t n_open() const {
    return static_cast<std::size_t>(
        std::count_if(entries_.begin(), entries_.end(),
                      [](const std::pair<const std::string, Entry>& entry) { return !entry.second.is_refused; }));
  }
  // Of those that meet the condition, in the order in which they began.
  template <class Condition>
  std::vector<std::string> ids_where(const Condition& condition) const {
    std::vector<std::pair<std::int64_t, std::string>> found;
    for (const auto& entry : entries_) {
      if (condition(entry.second)) found.push_back(std::make_pair(entry.second.number, entry.first));
    }
    std::sort(found.begin(), found.end());
    std::vector<std::string> ids;
    for (const auto& entry : found) ids.push_back(entry.second);
    return ids;
  }
  std::vector<std::string> ids() const {
    return ids_where([](const Entry&) { return true; });
  }

  void save(StateWriter& writer) const {
    writer.integer(static_cast<std::int64_t>(entries_.size()));
    for (const std::string& id : ids()) {
      const Entry& entry = entries_.at(id);
      writer.text(id);
      writer.integer(entry.is_refused);
      writer.text(entry.error);
      entry.conversation->save(writer);
    }
  }
  // Into an empty one.
  void restore(StateReader& reader) {
    for (std::size_t n = reader.length(1); n > 0; --n) {
      Entry& entry = open(reader.text());
      entry.is_refused = reader.integer() != 0;
      entry.error = reader.text();
      entry.conversation->restore(reader);
    }
  }

 private:
  const SpeechToTextModel& model_;
  const SpeechToTextOptions& options_;
  std::map<std::string, Entry> entries_;
  std::int64_t n_begun_ = 0;
};

}  // namespace speech_to_text
