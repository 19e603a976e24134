#include "assemble.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace fastctc {

Transcript assemble(const Hypothesis& hypothesis, const Vocabulary& vocabulary, double frame_s, double duration_s) {
  Transcript transcript;
  transcript.duration_s = duration_s;
  std::vector<int> ids;
  ids.reserve(hypothesis.tokens.size());
  transcript.tokens.reserve(hypothesis.tokens.size());
  for (const AlignedToken& token : hypothesis.tokens) {
    const double start_s = std::min(static_cast<double>(token.start_frame) * frame_s, duration_s);
    const double end_s = std::min(static_cast<double>(token.end_frame) * frame_s, duration_s);
    ids.push_back(token.id);
    transcript.tokens.push_back(
        {token.id, vocabulary.piece(token.id), start_s, end_s, token.log_prob, token.confidence});
  }
  transcript.text = vocabulary.text(ids);

  double sum = 0;
  for (Vocabulary::WordSpan& span : vocabulary.words(ids)) {
    Word word{std::move(span.text), transcript.tokens[span.begin].start_s, transcript.tokens[span.end - 1].end_s, 1};
    for (std::size_t index = span.begin; index < span.end; ++index) {
      word.confidence = std::min(word.confidence, transcript.tokens[index].confidence);
    }
    sum += word.confidence;
    transcript.words.push_back(std::move(word));
  }
  if (!transcript.words.empty()) {
    transcript.confidence = static_cast<float>(sum / static_cast<double>(transcript.words.size()));
  }
  return transcript;
}

}  // namespace fastctc
