// What recognition gave, as the operator's results.
#pragma once

#include <fastctc/types.h>

#include <algorithm>
#include <string>
#include <vector>

#include "SpeechToTextConversation.h"
#include "SpeechToTextTypes.h"
#include "SpeechToTextWords.h"

namespace speech_to_text {

// error: what was wrong with the conversation before.
inline SpeechToTextResult make_result(const SpeechToTextOptions& options, const std::string& id,
                                      const std::string& error, const SpeechToTextConversation::Output& output) {
  const fastctc::Transcript& transcript = output.result.transcript;
  SpeechToTextResult result;
  result.conversation_id = id;
  result.channel = output.channel;
  result.source_channel = output.source_channel;
  result.utterance_number = output.utterance_number;
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
  const std::size_t n_wanted = static_cast<std::size_t>(options.max_alternatives);
  for (std::size_t i = 0; i < std::min(n_wanted, transcript.alternatives.size()); ++i) {
    result.alternatives.push_back(transcript.alternatives[i].text);
  }
  if (result.is_final) {
    if (result.alternatives.empty()) result.alternatives.push_back(result.text);
    if (options.word_alternatives) {
      result.word_alternatives = word_alternatives(transcript, options.word_alternatives_threshold);
    }
    result.keywords = spot_keywords(transcript.words, options.keywords, options.keywords_threshold);
  }
  result.error_message = error;
  return result;
}

// Of a conversation whose last utterance was given out before.
inline SpeechToTextResult make_closing_result(const SpeechToTextOptions& options, const std::string& id,
                                              const std::string& error) {
  SpeechToTextResult result;
  result.conversation_id = id;
  result.channel = options.channel < 0 ? 0 : options.channel;
  result.is_final = true;
  result.error_message = error;
  return result;
}

}  // namespace speech_to_text
