#include "fastctc/text_aligner.h"

#include <algorithm>
#include <string>
#include <utility>

#include "decoding/alignment/checks.h"
#include "decoding/alignment/runs.h"
#include "decoding/alignment/trellis.h"
#include "fastctc/confidence.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

// Frames in a block of memory: one that grows would be copied, and be there twice meanwhile.
constexpr std::size_t kBlockFrames = 512;

}  // namespace

struct TextAligner::Impl {
  std::vector<int> token_ids;
  std::size_t n_tokens;
  ConfidenceOptions confidence;
  std::vector<int> kept;     // ids, ascending: the blank's and the text's
  std::vector<int> columns;  // of the text's tokens, in `kept`
  int blank_column;

  std::vector<std::vector<float>> blocks;  // [kBlockFrames, kept] each
  std::vector<float> confidences;          // of each frame
  std::size_t n_frames = 0;

  int column(int id) const { return static_cast<int>(std::lower_bound(kept.begin(), kept.end(), id) - kept.begin()); }
  std::vector<const float*> rows() const;
};

std::vector<const float*> TextAligner::Impl::rows() const {
  std::vector<const float*> result(n_frames);
  for (std::size_t frame = 0; frame < n_frames; ++frame) {
    result[frame] = blocks[frame / kBlockFrames].data() + frame % kBlockFrames * kept.size();
  }
  return result;
}

TextAligner::TextAligner(std::vector<int> token_ids, std::size_t n_tokens, int blank_id,
                         const ConfidenceOptions& confidence)
    : impl_(std::make_unique<Impl>()) {
  validate(confidence);
  check_ids(token_ids, blank_id, n_tokens);
  impl_->kept = token_ids;
  impl_->kept.push_back(blank_id);
  std::sort(impl_->kept.begin(), impl_->kept.end());
  impl_->kept.erase(std::unique(impl_->kept.begin(), impl_->kept.end()), impl_->kept.end());
  for (const int id : token_ids) impl_->columns.push_back(impl_->column(id));
  impl_->blank_column = impl_->column(blank_id);
  impl_->token_ids = std::move(token_ids);
  impl_->n_tokens = n_tokens;
  impl_->confidence = confidence;
}

TextAligner::~TextAligner() = default;

void TextAligner::step(LogProbsView log_probs) {
  if (log_probs.n_frames == 0) return;
  Impl& self = *impl_;
  if (log_probs.n_tokens != self.n_tokens) {
    throw OptionError("The log-probs have " + std::to_string(log_probs.n_tokens) +
                      " tokens per frame, the vocabulary " + std::to_string(self.n_tokens) +
                      ". Give log-probs of the same model.");
  }
  for (std::size_t frame = 0; frame < log_probs.n_frames; ++frame, ++self.n_frames) {
    const float* row = log_probs.values + frame * log_probs.n_tokens;
    check_row(row, log_probs.n_tokens, self.n_frames);
    if (self.n_frames % kBlockFrames == 0) self.blocks.emplace_back(kBlockFrames * self.kept.size());
    float* to = self.blocks.back().data() + self.n_frames % kBlockFrames * self.kept.size();
    for (const int id : self.kept) *to++ = row[id];
    self.confidences.push_back(frame_confidence(row, log_probs.n_tokens, self.confidence));
  }
}

Hypothesis TextAligner::best() const {
  const Impl& self = *impl_;
  check_length(self.token_ids, self.n_frames);
  const std::vector<const float*> rows = self.rows();
  const BestPath path = find_best_path(rows, self.columns, self.blank_column);
  check_score(path.score);
  return make_hypothesis(
      path, self.token_ids, self.confidence.aggregation,
      [&](std::size_t frame, std::size_t token) { return rows[frame][self.columns[token]]; },
      [&](std::size_t frame) { return self.confidences[frame]; });
}

std::size_t TextAligner::n_stable_tokens() const { return 0; }

std::size_t TextAligner::last_token_end_frame() const {
  const Hypothesis hypothesis = best();
  return hypothesis.tokens.empty() ? 0 : hypothesis.tokens.back().end_frame;
}

void TextAligner::reset() {
  impl_->blocks.clear();
  impl_->confidences.clear();
  impl_->n_frames = 0;
}

}  // namespace fastctc
