// Transcripts as plain tuples, from which fastctc.types.Transcript.from_tuple builds the Python value.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <vector>

#include "fastctc/types.h"

namespace fastctc_bindings {

namespace py = pybind11;

// A tuple with make(item) of every item.
template <class Items, class Make>
py::tuple tuple_of(const Items& items, Make&& make) {
  py::tuple result(items.size());
  std::size_t index = 0;
  for (const auto& item : items) result[index++] = make(item);
  return result;
}

// (text, words, tokens, confidence, duration_s, method, speech, alternatives); a word is (text, start_s, end_s,
// confidence, score), a token (id, piece, start_s, end_s, log_prob, confidence), a segment of speech (start_s, end_s),
// an alternative (text, words, score, acoustic_score, lm_score, bonus_score, tokens). Texts are UTF-8: Vocabulary takes
// no other pieces.
inline py::tuple to_python(const std::vector<fastctc::Word>& words) {
  return tuple_of(words, [](const fastctc::Word& word) {
    return py::make_tuple(word.text, word.start_s, word.end_s, word.confidence, word.score);
  });
}

inline py::tuple to_python(const std::vector<fastctc::Token>& tokens) {
  return tuple_of(tokens, [](const fastctc::Token& token) {
    return py::make_tuple(token.id, token.piece, token.start_s, token.end_s, token.log_prob, token.confidence);
  });
}

inline py::tuple to_python(const fastctc::Transcript& transcript) {
  py::tuple speech = tuple_of(transcript.speech, [](const fastctc::SpeechSegment& segment) {
    return py::make_tuple(segment.start_s, segment.end_s);
  });
  py::tuple alternatives = tuple_of(transcript.alternatives, [](const fastctc::Alternative& alternative) {
    return py::make_tuple(alternative.text, to_python(alternative.words), alternative.score, alternative.acoustic_score,
                          alternative.lm_score, alternative.bonus_score, to_python(alternative.tokens));
  });
  return py::make_tuple(transcript.text, to_python(transcript.words), to_python(transcript.tokens),
                        transcript.confidence, transcript.duration_s, transcript.method, speech, alternatives);
}

// (tokens, score); a token is (id, start_frame, end_frame, log_prob, confidence).
inline py::tuple to_python(const fastctc::Hypothesis& hypothesis) {
  py::tuple tokens = tuple_of(hypothesis.tokens, [](const fastctc::AlignedToken& token) {
    return py::make_tuple(token.id, token.start_frame, token.end_frame, token.log_prob, token.confidence);
  });
  return py::make_tuple(tokens, hypothesis.score);
}

// (tokens, score, acoustic_score, lm_score, bonus_score, words); a word is (text, begin, end) in tokens.
inline py::tuple to_python_scored(const fastctc::Hypothesis& hypothesis) {
  const py::tuple plain = to_python(hypothesis);
  const py::tuple words = tuple_of(hypothesis.words, [](const fastctc::Hypothesis::WordSpan& word) {
    return py::make_tuple(word.text, word.begin, word.end);
  });
  return py::make_tuple(plain[0], hypothesis.score, hypothesis.acoustic_score, hypothesis.lm_score,
                        hypothesis.bonus_score, words);
}

}  // namespace fastctc_bindings
