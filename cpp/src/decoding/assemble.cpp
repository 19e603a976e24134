#include "fastctc/assemble.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "fastctc/confidence.h"

namespace fastctc {
namespace {

// A frame, over the frames of tokens `begin` to `end`; 0 where they have none.
float mean_log_prob(const std::vector<AlignedToken>& tokens, std::size_t begin, std::size_t end) {
  double sum = 0;
  std::size_t n_frames = 0;
  for (std::size_t index = begin; index < end; ++index) {
    sum += static_cast<double>(tokens[index].log_prob);
    n_frames += tokens[index].end_frame - tokens[index].start_frame;
  }
  return n_frames == 0 ? 0 : static_cast<float>(sum / static_cast<double>(n_frames));
}

}  // namespace

Transcript assemble(const Hypothesis& hypothesis, const Vocabulary& vocabulary, double frame_s, double duration_s,
                    ConfidenceAggregation aggregation) {
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

  double sum = 0;
  std::vector<float> confidences;
  const auto add_word = [&](std::string text, std::size_t begin, std::size_t end) {
    confidences.clear();
    for (std::size_t index = begin; index < end; ++index) confidences.push_back(transcript.tokens[index].confidence);
    const float confidence = aggregate(confidences.data(), confidences.size(), aggregation);
    transcript.words.push_back({std::move(text), transcript.tokens[begin].start_s, transcript.tokens[end - 1].end_s,
                                confidence, mean_log_prob(hypothesis.tokens, begin, end)});
    sum += confidence;
  };
  if (hypothesis.words.empty()) {
    transcript.text = vocabulary.text(ids);
    for (Vocabulary::WordSpan& span : vocabulary.words(ids)) add_word(std::move(span.text), span.begin, span.end);
  }
  for (const Hypothesis::WordSpan& span : hypothesis.words) {
    transcript.text += (transcript.text.empty() ? "" : " ") + span.text;
    add_word(span.text, span.begin, span.end);
  }
  if (!transcript.words.empty()) {
    transcript.confidence = static_cast<float>(sum / static_cast<double>(transcript.words.size()));
  }
  return transcript;
}

}  // namespace fastctc
