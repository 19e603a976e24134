#include "output.h"

#include <cstdio>
#include <vector>

namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += std::string("\\") + c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      result += escape;
    } else {
      result += c;
    }
  }
  return result + "\"";
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value);
  for (char& c : text) {
    if (c == ',') c = '.';  // from the locale
  }
  return text;
}

std::string times(double start_s, double end_s) {
  return "\"start_s\": " + number(start_s) + ", \"end_s\": " + number(end_s);
}

std::string words_json(const std::vector<fastctc::Word>& words) {
  std::string list;
  for (const fastctc::Word& word : words) {
    list += (list.empty() ? "{\"text\": " : ", {\"text\": ") + quoted(word.text) + ", " +
            times(word.start_s, word.end_s) + ", \"confidence\": " + number(word.confidence) + "}";
  }
  return "[" + list + "]";
}

std::string json(const fastctc::Transcript& transcript) {
  std::string result = "\"text\": " + quoted(transcript.text) + ", \"confidence\": " + number(transcript.confidence) +
                       ", \"duration_s\": " + number(transcript.duration_s) +
                       ", \"method\": " + quoted(transcript.method) + ", \"words\": " + words_json(transcript.words);
  if (!transcript.alternatives.empty()) {
    std::string list;
    for (const fastctc::Alternative& one : transcript.alternatives) {
      list += (list.empty() ? "{\"text\": " : ", {\"text\": ") + quoted(one.text) +
              ", \"score\": " + number(one.score) + "}";
    }
    result += ", \"alternatives\": [" + list + "]";
  }
  return result;
}

void print_words(const std::string& file, std::size_t channel, const std::vector<fastctc::Word>& words) {
  for (const fastctc::Word& word : words) {
    std::printf("%s\t%zu\t%s\t%s\t%s\t%s\n", file.c_str(), channel, number(word.start_s).c_str(),
                number(word.end_s).c_str(), number(word.confidence).c_str(), word.text.c_str());
  }
}

}  // namespace

void Printer::print_line(const std::string& file, const std::string& text) const {
  std::printf("%s%s%s\n", names_ ? file.c_str() : "", names_ ? "\t" : "", text.c_str());
  std::fflush(stdout);
}

void Printer::print(const std::string& file, const fastctc::Transcript& transcript) const {
  if (output_ == Output::words) return print_words(file, 0, transcript.words);
  if (output_ == Output::text) return print_line(file, transcript.text);
  std::printf("{\"file\": %s, %s}\n", quoted(file).c_str(), json(transcript).c_str());
}

void Printer::print(const std::string& file, const fastctc::Conversation& conversation) const {
  std::string list;
  for (const fastctc::ConversationSegment& segment : conversation.segments) {
    if (output_ == Output::words) print_words(file, segment.channel, segment.words);
    if (output_ == Output::text) {
      print_line(file,
                 "[" + number(segment.start_s) + "] channel " + std::to_string(segment.channel) + ": " + segment.text);
    }
    list += (list.empty() ? "{\"channel\": " : ", {\"channel\": ") + std::to_string(segment.channel) + ", " +
            times(segment.start_s, segment.end_s) + ", \"text\": " + quoted(segment.text) +
            ", \"words\": " + words_json(segment.words) + "}";
  }
  if (output_ == Output::json) std::printf("{\"file\": %s, \"segments\": [%s]}\n", quoted(file).c_str(), list.c_str());
}

void Printer::print(const std::string& file, const fastctc::StreamResult& result) const {
  if (output_ == Output::words) {
    print_words(file, 0, result.transcript.words);
  } else if (output_ == Output::json) {
    std::printf("{\"file\": %s, \"segment\": %zu, %s, %s}\n", quoted(file).c_str(), result.segment,
                times(result.start_s, result.end_s).c_str(), json(result.transcript).c_str());
  } else if (!result.transcript.text.empty()) {
    print_line(file, result.transcript.text);
  }
  std::fflush(stdout);
}
