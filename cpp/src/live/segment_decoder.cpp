#include "live/segment_decoder.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "fastctc/vocabulary.h"

namespace fastctc {
namespace {

// A word may go on until this much silence follows it. That matters only if a segment has grown too long: its last word
// then waits for the next segment.
constexpr double kOpenWordS = 0.4;

std::vector<int> ids_of(const std::vector<AlignedToken>& tokens) {
  std::vector<int> ids;
  ids.reserve(tokens.size());
  for (const AlignedToken& token : tokens) ids.push_back(token.id);
  return ids;
}

}  // namespace

SegmentDecoder::SegmentDecoder(const Recognizer& recognizer, const StreamOptions& options)
    : recognizer_(recognizer),
      options_(options.decoder),
      decoder_(recognizer.make_decoder(options.decoder)),
      endpointer_(options.endpoint, recognizer.frame_s()),
      gives_partials_(options.partial_results),
      is_speech_(options.vad.kind != VadKind::none),
      frame_s_(recognizer.frame_s()) {}

void SegmentDecoder::begin(double offset_s) {
  offset_s_ = offset_s;
  duration_s_ = std::numeric_limits<double>::infinity();
  last_end_s_ = 0;
  n_frames_ = start_frame_ = decoder_frame_ = 0;
  carry_.clear();
  emitted_.clear();
  decoder_->reset();
}

void SegmentDecoder::reset() {
  begin(0);
  segment_ = 0;
}

double SegmentDecoder::decoded_s() const { return offset_s_ + time_s(n_frames_); }

void SegmentDecoder::step(const LogProbs& log_probs, std::deque<StreamResult>& results) {
  for (std::size_t frame = 0; frame < log_probs.n_frames; ++frame) {
    step_frame(log_probs.values.data() + frame * log_probs.n_tokens, log_probs.n_tokens, results);
  }
  if (gives_partials_ && log_probs.n_frames > 0) emit_partial(results);
}

void SegmentDecoder::step_frame(const float* log_probs, std::size_t n_tokens, std::deque<StreamResult>& results) {
  decoder_->step({log_probs, 1, n_tokens});
  ++n_frames_;
  const std::size_t token_end = last_token_end();
  const EndpointCause cause = endpointer_.test(n_frames_, start_frame_, token_end > 0, token_end);
  if (cause == EndpointCause::none) return;
  // The next frame may continue a token's run; a cut inside the run would read the token twice.
  if (token_end == n_frames_) return;
  end_segment(cause, results);
}

std::size_t SegmentDecoder::last_token_end() const {
  const std::size_t end = decoder_->last_token_end_frame();
  if (end > 0) return decoder_frame_ + end;
  return carry_.empty() ? 0 : carry_.back().end_frame;
}

// Frames count from the start of the utterance. The word that the last segment left open comes first.
Hypothesis SegmentDecoder::with_carry(Hypothesis hypothesis) const {
  std::vector<AlignedToken> all = carry_;
  for (AlignedToken token : hypothesis.tokens) {
    token.start_frame += decoder_frame_;
    token.end_frame += decoder_frame_;
    all.push_back(token);
  }
  hypothesis.tokens = std::move(all);
  return hypothesis;
}

// goes_on: the segment ends, but the utterance continues.
std::vector<Hypothesis> SegmentDecoder::n_best(bool goes_on) const {
  const auto n = static_cast<std::size_t>(options_.n_best);
  std::vector<Hypothesis> hypotheses = goes_on ? decoder_->partials(n) : decoder_->n_best(n);
  for (Hypothesis& hypothesis : hypotheses) hypothesis = with_carry(std::move(hypothesis));
  return hypotheses;
}

void SegmentDecoder::end_segment(EndpointCause cause, std::deque<StreamResult>& results) {
  // A segment that has only grown too long continues in the next one, whose search keeps its context.
  const bool goes_on = cause == EndpointCause::max_length;
  std::vector<Hypothesis> hypotheses = n_best(goes_on);
  std::vector<AlignedToken>& all = hypotheses.front().tokens;
  std::vector<AlignedToken> open;
  std::size_t end_frame = n_frames_;
  // Words of a lexicon end with their spelling, so none is open.
  const bool may_be_open = goes_on && !all.empty() && hypotheses.front().words.empty();
  if (may_be_open && time_s(n_frames_ - all.back().end_frame) < kOpenWordS) {
    const std::vector<Vocabulary::WordSpan> words = recognizer_.vocabulary().words(ids_of(all));
    if (words.size() > 1) {
      const auto first_open = all.begin() + static_cast<std::ptrdiff_t>(words[words.size() - 2].end);
      open.assign(first_open, all.end());
      all.erase(first_open, all.end());
      end_frame = open.front().start_frame;
      hypotheses.resize(1);  // other readings may lack this word
    }
  }
  emit_final(hypotheses, time_s(end_frame), cause, results);
  start_frame_ = end_frame;
  carry_ = std::move(open);
  emitted_.clear();
  decoder_frame_ = n_frames_;
  if (goes_on) {
    decoder_->carry_on();
  } else {
    decoder_->reset();
  }
}

void SegmentDecoder::emit_partial(std::deque<StreamResult>& results) {
  // Times need an alignment, which costs time, so the tokens are compared first.
  std::vector<int> ids = ids_of(carry_);
  const std::vector<int> found = decoder_->partial_ids();
  ids.insert(ids.end(), found.begin(), found.end());
  if (ids == emitted_) return;
  Hypothesis hypothesis = with_carry(decoder_->partial());
  const std::size_t n_stable = n_stable_words(hypothesis.tokens);
  StreamResult partial = result({std::move(hypothesis)}, time_s(n_frames_));
  partial.transcript.alternatives.clear();
  partial.n_stable_words = n_stable;
  results.push_back(std::move(partial));
  emitted_ = std::move(ids);
}

void SegmentDecoder::finish(EndpointCause cause, std::deque<StreamResult>& results) {
  emit_final(n_best(false), duration_s_, cause, results);
}

void SegmentDecoder::emit_final(const std::vector<Hypothesis>& n_best, double end_s, EndpointCause cause,
                                std::deque<StreamResult>& results) {
  StreamResult final = result(n_best, end_s);
  final.is_final = true;
  final.cause = cause;
  final.n_stable_words = final.transcript.words.size();
  last_end_s_ = final.end_s - offset_s_;
  results.push_back(std::move(final));
  ++segment_;
}

// end_s counts from the start of the utterance, the times of the result from the start of the stream.
StreamResult SegmentDecoder::result(const std::vector<Hypothesis>& n_best, double end_s) const {
  StreamResult result;
  result.segment = segment_;
  // A segment that was final before the audio's end was known may end a frame or two past it. Segments never overlap.
  result.start_s = offset_s_ + std::max(std::min(time_s(start_frame_), duration_s_), last_end_s_);
  result.end_s = std::max(result.start_s, offset_s_ + std::min(end_s, duration_s_));
  result.transcript = recognizer_.assemble(n_best, duration_s_, options_);
  result.transcript.duration_s = result.end_s - result.start_s;
  result.transcript.method = "stream";
  const auto shift = [&](auto& parts) {  // words or tokens; they lie in their segment, also past the audio's end
    for (auto& part : parts) {
      part.start_s = std::max(offset_s_ + part.start_s, result.start_s);
      part.end_s = std::max(offset_s_ + part.end_s, result.start_s);
    }
  };
  shift(result.transcript.tokens);
  shift(result.transcript.words);
  for (Alternative& alternative : result.transcript.alternatives) {
    shift(alternative.tokens);
    shift(alternative.words);
  }
  if (is_speech_ && result.start_s < result.end_s) result.transcript.speech = {{result.start_s, result.end_s}};
  return result;
}

// Counts words whose tokens no longer change. The last word may still grow, so it doesn't count.
std::size_t SegmentDecoder::n_stable_words(const std::vector<AlignedToken>& tokens) const {
  const std::size_t n_stable_tokens = carry_.size() + decoder_->n_stable_tokens();
  const std::vector<Vocabulary::WordSpan> words = recognizer_.vocabulary().words(ids_of(tokens));
  std::size_t n = 0;
  while (n + 1 < words.size() && words[n].end <= n_stable_tokens && words[n + 1].begin < n_stable_tokens) ++n;
  return n;
}

}  // namespace fastctc
