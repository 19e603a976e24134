#include "fastctc/conversation.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "fastctc/error.h"

namespace fastctc {
namespace {

// Times are sums of frames: a pause of ten frames must count as 0.8 s, whatever rounding does.
constexpr double half_a_millisecond_s = 0.0005;

// Finds a transcript's words in its text, one after the other, so that a segment's text is a part of the whole one.
class TextParts {
 public:
  explicit TextParts(const std::string& text) : text_(text) {}

  // The text from the first word to the last; words that the text lacks are joined by spaces.
  std::string part(const std::vector<Word>& words) {
    std::size_t begin = std::string::npos;
    std::size_t end = position_;
    for (const Word& word : words) {
      const std::size_t at = text_.find(word.text, end);
      if (at == std::string::npos) return joined(words);
      if (begin == std::string::npos) begin = at;
      end = at + word.text.size();
    }
    position_ = end;
    return text_.substr(begin, end - begin);
  }

 private:
  static std::string joined(const std::vector<Word>& words) {
    std::string text;
    for (const Word& word : words) text += text.empty() ? word.text : " " + word.text;
    return text;
  }

  const std::string& text_;
  std::size_t position_ = 0;
};

float mean_confidence(const std::vector<Word>& words) {
  double sum = 0;
  for (const Word& word : words) sum += word.confidence;
  return static_cast<float>(sum / static_cast<double>(words.size()));
}

// Appends the segments of one channel.
void cut(const Transcript& transcript, std::size_t channel, double pause_s,
         std::vector<ConversationSegment>& segments) {
  TextParts text(transcript.text);
  const std::vector<Word>& words = transcript.words;
  for (std::size_t begin = 0; begin < words.size();) {
    std::size_t end = begin + 1;
    while (end < words.size() && words[end].start_s - words[end - 1].end_s <= pause_s - half_a_millisecond_s) ++end;
    ConversationSegment segment;
    segment.channel = channel;
    segment.words.assign(words.begin() + static_cast<std::ptrdiff_t>(begin),
                         words.begin() + static_cast<std::ptrdiff_t>(end));
    segment.start_s = segment.words.front().start_s;
    segment.end_s = segment.words.back().end_s;
    segment.text = text.part(segment.words);
    segment.confidence = mean_confidence(segment.words);
    segments.push_back(std::move(segment));
    begin = end;
  }
}

}  // namespace

Conversation make_conversation(std::vector<Transcript> channels, const ConversationOptions& options) {
  validate(options);
  Conversation conversation;
  for (std::size_t channel = 0; channel < channels.size(); ++channel) {
    cut(channels[channel], channel, options.pause_s, conversation.segments);
    conversation.duration_s = std::max(conversation.duration_s, channels[channel].duration_s);
  }
  // Stable: among segments that start at the same time the lower channel stays first.
  std::stable_sort(conversation.segments.begin(), conversation.segments.end(),
                   [](const ConversationSegment& a, const ConversationSegment& b) { return a.start_s < b.start_s; });
  conversation.channels = std::move(channels);
  return conversation;
}

Conversation transcribe_channels(const Recognizer& recognizer, const std::vector<AudioView>& channels,
                                 const LongFormOptions& long_form, const ConversationOptions& options) {
  validate(options);  // before the work
  return make_conversation(recognizer.transcribe(channels, long_form), options);
}

}  // namespace fastctc
