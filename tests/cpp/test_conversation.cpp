#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "fastctc/conversation.h"
#include "fastctc/error.h"

using namespace fastctc;

namespace {

Transcript channel(std::string text, std::vector<Word> words, double duration_s = 10) {
  Transcript transcript;
  transcript.text = std::move(text);
  transcript.words = std::move(words);
  transcript.duration_s = duration_s;
  return transcript;
}

ConversationOptions pause(double pause_s) {
  ConversationOptions options;
  options.pause_s = pause_s;
  return options;
}

}  // namespace

TEST_CASE("conversation: a channel is cut where it pauses, not where it doesn't") {
  const Transcript one = channel("a b c", {{"a", 0, 0.16, 1.0f}, {"b", 0.88, 1.04, 0.5f}, {"c", 1.84, 1.92, 0.25f}});
  const Conversation conversation = make_conversation({one});
  REQUIRE(conversation.segments.size() == 2);
  CHECK(conversation.segments[0].text == "a b");  // 0.72 s
  CHECK(conversation.segments[0].start_s == 0);
  CHECK(conversation.segments[0].end_s == 1.04);
  CHECK(conversation.segments[0].confidence == 0.75f);
  CHECK(conversation.segments[1].text == "c");  // 0.8 s, though 1.84 - 1.04 is a little less
  CHECK(conversation.segments[1].words.size() == 1);
  CHECK(conversation.channels.size() == 1);
  CHECK(make_conversation({one}, pause(0.7)).segments.size() == 3);
  CHECK(make_conversation({one}, pause(0)).segments.size() == 3);
  CHECK(make_conversation({one}, pause(3600)).segments.size() == 1);
}

TEST_CASE("conversation: channels are merged by start, ties by channel, overlap is kept") {
  const Transcript first = channel("x y", {{"x", 1, 5, 1.0f}, {"y", 6, 7, 1.0f}}, 8);
  const Transcript second = channel("u v w", {{"u", 0, 0.1, 1.0f}, {"v", 2, 3, 1.0f}, {"w", 6, 6.5, 1.0f}}, 9);
  const Conversation conversation = make_conversation({first, channel("", {}), second});
  std::vector<std::string> texts;
  std::vector<std::size_t> channels;
  for (const ConversationSegment& segment : conversation.segments) {
    texts.push_back(segment.text);
    channels.push_back(segment.channel);
  }
  CHECK(texts == std::vector<std::string>{"u", "x", "v", "y", "w"});
  CHECK(channels == std::vector<std::size_t>{2, 0, 2, 0, 2});
  CHECK(conversation.segments[2].start_s < conversation.segments[1].end_s);
  CHECK(conversation.duration_s == 10);
  CHECK(conversation.channels[2].text == "u v w");
}

TEST_CASE("conversation: texts are parts of the channel's text") {
  // Two spaces, and a word that is a part of the one before it.
  const Transcript odd = channel("then  the", {{"then", 0, 1, 1.0f}, {"the", 1.1, 2, 1.0f}});
  CHECK(make_conversation({odd}).segments[0].text == "then  the");
  CHECK(make_conversation({odd}, pause(0.1)).segments[1].text == "the");
  // Words that the text spells otherwise.
  const Transcript other = channel("Then", {{"then", 0, 1, 1.0f}, {"the", 1.1, 2, 1.0f}});
  CHECK(make_conversation({other}).segments[0].text == "then the");
}

TEST_CASE("conversation: nothing said, no channels, pauses that can't be") {
  CHECK(make_conversation({}).segments.empty());
  CHECK(make_conversation({channel("", {}, 3)}).segments.empty());
  CHECK(make_conversation({channel("", {}, 3)}).duration_s == 3);
  for (const double wrong : {-0.1, 3601.0, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK_THROWS_AS(make_conversation({}, pause(wrong)), OptionError);
  }
}
