#include "c_api/guard.h"
#include "c_api/handles.h"

using namespace fastctc::c_api;

namespace fastctc::c_api {

void copy(const Word& from, fastctc_word* to) {
  *to = {from.text.c_str(), from.start_s, from.end_s, from.confidence, from.score};
}

void copy(const Token& from, fastctc_token* to) {
  *to = {from.id, from.piece.c_str(), from.start_s, from.end_s, from.log_prob, from.confidence};
}

}  // namespace fastctc::c_api

namespace {

const fastctc::Transcript& of(const fastctc_transcript* transcript) { return require(transcript, "transcript").value; }
const fastctc::Conversation& of(const fastctc_conversation* conversation) {
  return require(conversation, "conversation").value;
}

}  // namespace

void fastctc_transcript_free(fastctc_transcript* transcript) { delete transcript; }

const char* fastctc_transcript_text(const fastctc_transcript* transcript) {
  return value_or<const char*>(nullptr, [&] { return of(transcript).text.c_str(); });
}

float fastctc_transcript_confidence(const fastctc_transcript* transcript) {
  return value_or(0.0f, [&] { return of(transcript).confidence; });
}

double fastctc_transcript_duration_s(const fastctc_transcript* transcript) {
  return value_or(0.0, [&] { return of(transcript).duration_s; });
}

const char* fastctc_transcript_method(const fastctc_transcript* transcript) {
  return value_or<const char*>(nullptr, [&] { return of(transcript).method.c_str(); });
}

size_t fastctc_transcript_n_words(const fastctc_transcript* transcript) {
  return value_or<size_t>(0, [&] { return of(transcript).words.size(); });
}

fastctc_status fastctc_transcript_word(const fastctc_transcript* transcript, size_t index, fastctc_word* word) {
  return guarded([&] { copy(element(of(transcript).words, index, "word"), &require(word, "word")); });
}

size_t fastctc_transcript_n_tokens(const fastctc_transcript* transcript) {
  return value_or<size_t>(0, [&] { return of(transcript).tokens.size(); });
}

fastctc_status fastctc_transcript_token(const fastctc_transcript* transcript, size_t index, fastctc_token* token) {
  return guarded([&] { copy(element(of(transcript).tokens, index, "token"), &require(token, "token")); });
}

size_t fastctc_transcript_n_alternatives(const fastctc_transcript* transcript) {
  return value_or<size_t>(0, [&] { return of(transcript).alternatives.size(); });
}

fastctc_status fastctc_transcript_alternative(const fastctc_transcript* transcript, size_t index,
                                              fastctc_alternative* alternative) {
  return guarded([&] {
    const fastctc::Alternative& from = element(of(transcript).alternatives, index, "alternative");
    require(alternative, "alternative") = {from.text.c_str(),   from.words.size(), from.tokens.size(), from.score,
                                           from.acoustic_score, from.lm_score,     from.bonus_score};
  });
}

fastctc_status fastctc_transcript_alternative_word(const fastctc_transcript* transcript, size_t index,
                                                   size_t word_index, fastctc_word* word) {
  return guarded([&] {
    const fastctc::Alternative& from = element(of(transcript).alternatives, index, "alternative");
    copy(element(from.words, word_index, "word"), &require(word, "word"));
  });
}

fastctc_status fastctc_transcript_alternative_token(const fastctc_transcript* transcript, size_t index,
                                                    size_t token_index, fastctc_token* token) {
  return guarded([&] {
    const fastctc::Alternative& from = element(of(transcript).alternatives, index, "alternative");
    copy(element(from.tokens, token_index, "token"), &require(token, "token"));
  });
}

size_t fastctc_transcript_n_speech(const fastctc_transcript* transcript) {
  return value_or<size_t>(0, [&] { return of(transcript).speech.size(); });
}

fastctc_status fastctc_transcript_speech(const fastctc_transcript* transcript, size_t index, fastctc_speech* speech) {
  return guarded([&] {
    const fastctc::SpeechSegment& from = element(of(transcript).speech, index, "part with speech");
    require(speech, "speech") = {from.start_s, from.end_s};
  });
}

void fastctc_conversation_free(fastctc_conversation* conversation) { delete conversation; }

double fastctc_conversation_duration_s(const fastctc_conversation* conversation) {
  return value_or(0.0, [&] { return of(conversation).duration_s; });
}

size_t fastctc_conversation_n_segments(const fastctc_conversation* conversation) {
  return value_or<size_t>(0, [&] { return of(conversation).segments.size(); });
}

fastctc_status fastctc_conversation_segment(const fastctc_conversation* conversation, size_t index,
                                            fastctc_segment* segment) {
  return guarded([&] {
    const fastctc::ConversationSegment& from = element(of(conversation).segments, index, "segment");
    require(segment, "segment") = {from.channel,      from.start_s,      from.end_s,
                                   from.text.c_str(), from.words.size(), from.confidence};
  });
}

fastctc_status fastctc_conversation_segment_word(const fastctc_conversation* conversation, size_t index,
                                                 size_t word_index, fastctc_word* word) {
  return guarded([&] {
    const fastctc::ConversationSegment& from = element(of(conversation).segments, index, "segment");
    copy(element(from.words, word_index, "word"), &require(word, "word"));
  });
}

size_t fastctc_conversation_n_channels(const fastctc_conversation* conversation) {
  return value_or<size_t>(0, [&] { return require(conversation, "conversation").channels.size(); });
}

const fastctc_transcript* fastctc_conversation_channel(const fastctc_conversation* conversation, size_t index) {
  return value_or<const fastctc_transcript*>(
      nullptr, [&] { return &element(require(conversation, "conversation").channels, index, "channel"); });
}
