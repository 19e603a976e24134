#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "decoding/beam_search.h"
#include "decoding/log_probs_row.h"
#include "fastctc/aligner.h"
#include "fastctc/decoder.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

// A frame whose blank is so likely is a place where what was said before can be aligned for good. Where a model is
// never so sure, the surest of what it gives has to do: what waits is aligned anew for every partial result.
double cut_blank_prob(std::size_t n_waiting_frames) {
  if (n_waiting_frames < 128) return 0.999;
  return n_waiting_frames < 256 ? 0.9 : 0.5;
}
// Frames that wait at least.
constexpr std::size_t kCutFrames = 64;
// Frames between two looks whether all prefixes share it: a look costs more than a frame.
constexpr std::size_t kLookFrames = 25;

}  // namespace

struct BeamDecoder::Impl {
  Impl(const Vocabulary& vocabulary, const DecoderOptions& decoder_options)
      : options(decoder_options),
        n_tokens(vocabulary.size()),
        blank_id(vocabulary.blank_id()),
        search(vocabulary, decoder_options) {}

  void reset();
  void forget();
  void step(LogProbsView frames);
  void cut(const float* row);
  std::vector<AlignedToken> align_tokens(const std::vector<int>& tokens, std::size_t n_frames) const;
  Hypothesis hypothesis(const BeamPrefix& prefix, const FusionState& state) const;
  std::vector<std::pair<FusionState, const BeamPrefix*>> finished();

  DecoderOptions options;
  std::size_t n_tokens;
  int blank_id;
  BeamSearch search;
  std::size_t n_frames = 0;
  // Tokens up to `settled` are aligned; log_probs are of the frames behind.
  PrefixTree::Id settled = PrefixTree::kRoot;
  std::size_t settled_frame = 0;
  std::vector<AlignedToken> settled_tokens;
  std::vector<float> log_probs;
  // The best prefix at a frame of certain blank, held until all share it, or none does.
  PrefixTree::Id cut_node = PrefixTree::kNone;
  std::size_t cut_frame = 0;
};

void BeamDecoder::Impl::reset() {
  search.reset();
  forget();
}

// Everything but the search.
void BeamDecoder::Impl::forget() {
  n_frames = settled_frame = cut_frame = 0;
  settled = PrefixTree::kRoot;
  cut_node = PrefixTree::kNone;
  settled_tokens.clear();
  log_probs.clear();
}

void BeamDecoder::Impl::step(LogProbsView frames) {
  for (std::size_t frame = 0; frame < frames.n_frames; ++frame) {
    const float* row = frames.values + frame * n_tokens;
    search.step(row, n_frames);
    log_probs.insert(log_probs.end(), row, row + n_tokens);
    ++n_frames;
    cut(row);
  }
}

void BeamDecoder::Impl::cut(const float* row) {
  if (n_frames - settled_frame < kCutFrames) return;
  PrefixTree& tree = search.tree();
  if (cut_node == PrefixTree::kNone) {
    if (static_cast<double>(row[blank_id]) < std::log(cut_blank_prob(n_frames - settled_frame))) return;
    cut_node = search.beam().front().node;
    cut_frame = n_frames;
    tree.hold(cut_node);
  }
  // No prefix of the beam comes from it any more.
  if (tree[cut_node].slot < 0 && tree[cut_node].first_child == PrefixTree::kNone) {
    tree.release(cut_node);
    cut_node = PrefixTree::kNone;
    return;
  }
  if (n_frames % kLookFrames != 0) return;
  const PrefixTree::Id common = search.common_prefix(settled);
  if (tree.is_ancestor(cut_node, common)) {
    const std::vector<AlignedToken> aligned = align_tokens(tree.tokens(cut_node, settled), cut_frame - settled_frame);
    settled_tokens.insert(settled_tokens.end(), aligned.begin(), aligned.end());
    settled = cut_node;
    const auto end = log_probs.begin() + static_cast<std::ptrdiff_t>((cut_frame - settled_frame) * n_tokens);
    log_probs.erase(log_probs.begin(), end);
    settled_frame = cut_frame;
  } else {
    return;  // the beam may come to share it yet
  }
  tree.release(cut_node);
  cut_node = PrefixTree::kNone;
}

std::vector<AlignedToken> BeamDecoder::Impl::align_tokens(const std::vector<int>& tokens, std::size_t frames) const {
  if (tokens.empty()) return {};
  std::vector<AlignedToken> aligned =
      align({log_probs.data(), frames, n_tokens}, tokens, blank_id, options.confidence).tokens;
  for (AlignedToken& token : aligned) {
    token.start_frame += settled_frame;
    token.end_frame += settled_frame;
  }
  return aligned;
}

// The prefixes of the beam as if the utterance ended, best first.
std::vector<std::pair<FusionState, const BeamPrefix*>> BeamDecoder::Impl::finished() {
  std::vector<std::pair<FusionState, const BeamPrefix*>> result;
  for (const BeamPrefix& prefix : search.beam()) result.emplace_back(search.finished(prefix.node), &prefix);
  std::sort(result.begin(), result.end(), [this](const auto& a, const auto& b) {
    const double a_score = a.second->total + a.first.score();
    const double b_score = b.second->total + b.first.score();
    if (a_score != b_score) return a_score > b_score;
    if (a.second->total != b.second->total) return a.second->total > b.second->total;
    return search.tree().before(a.second->node, -1, -1, b.second->node, -1, -1);
  });
  return result;
}

Hypothesis BeamDecoder::Impl::hypothesis(const BeamPrefix& prefix, const FusionState& state) const {
  const PrefixTree& tree = search.tree();
  Hypothesis result;
  result.tokens = settled_tokens;
  const std::vector<AlignedToken> rest = align_tokens(tree.tokens(prefix.node, settled), n_frames - settled_frame);
  result.tokens.insert(result.tokens.end(), rest.begin(), rest.end());
  result.acoustic_score = prefix.total;
  result.lm_score = state.lm;
  result.bonus_score = state.bonus;
  result.score = prefix.total + state.score();
  if (search.fusion().spells_words()) return result;
  for (PrefixTree::Id id = prefix.node; id != PrefixTree::kRoot; id = tree[id].parent) {
    if (tree[id].word < 0) continue;
    if (!result.words.empty()) result.words.back().begin = tree[id].depth;
    const std::string& text = search.fusion().lexicon()->word(static_cast<std::uint32_t>(tree[id].word));
    result.words.push_back({text, 0, tree[id].depth});
  }
  std::reverse(result.words.begin(), result.words.end());
  return result;
}

BeamDecoder::BeamDecoder(const Vocabulary& vocabulary, const DecoderOptions& options) {
  validate(options);
  impl_ = std::make_unique<Impl>(vocabulary, options);
}

BeamDecoder::~BeamDecoder() = default;

void BeamDecoder::step(LogProbsView log_probs) {
  if (log_probs.n_frames == 0) return;
  check_log_probs(log_probs, impl_->n_tokens);
  impl_->step(log_probs);
}

Hypothesis BeamDecoder::best() const { return n_best(1).front(); }

std::vector<Hypothesis> BeamDecoder::n_best(std::size_t n) const {
  const auto finished = impl_->finished();
  std::vector<Hypothesis> result;
  for (std::size_t i = 0; i < std::min(n, finished.size()); ++i) {
    result.push_back(impl_->hypothesis(*finished[i].second, finished[i].first));
  }
  return result;
}

std::vector<Hypothesis> BeamDecoder::partials(std::size_t n) const {
  const std::vector<BeamPrefix>& beam = impl_->search.beam();
  std::vector<Hypothesis> result;
  for (std::size_t i = 0; i < std::min(n, beam.size()); ++i) {
    result.push_back(impl_->hypothesis(beam[i], impl_->search.tree()[beam[i].node].state));
  }
  return result;
}

std::vector<int> BeamDecoder::partial_ids() const {
  std::vector<int> ids;
  for (const AlignedToken& token : impl_->settled_tokens) ids.push_back(token.id);
  const std::vector<int> rest = impl_->search.tree().tokens(impl_->search.beam().front().node, impl_->settled);
  ids.insert(ids.end(), rest.begin(), rest.end());
  return ids;
}

std::size_t BeamDecoder::n_stable_tokens() const {
  return impl_->search.tree()[impl_->search.common_prefix(impl_->settled)].depth;
}

std::size_t BeamDecoder::last_token_end_frame() const { return impl_->search.beam().front().end_frame; }

void BeamDecoder::reset() { impl_->reset(); }

void BeamDecoder::carry_on() {
  impl_->search.carry_on();
  impl_->forget();
}

std::unique_ptr<Decoder> make_decoder(const Vocabulary& vocabulary, const DecoderOptions& options) {
  validate(options);
  if (options.kind == DecoderKind::beam) return std::make_unique<BeamDecoder>(vocabulary, options);
  return std::make_unique<GreedyDecoder>(vocabulary.size(), vocabulary.blank_id(), options.confidence);
}

}  // namespace fastctc
