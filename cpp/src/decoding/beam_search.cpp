#include "decoding/beam_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "decoding/log_probs_row.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();
// Bounds are summed in another order than scores.
constexpr double kSlack = 1e-9;

const LogAdd& log_add_table() {
  static const LogAdd table;
  return table;
}

}  // namespace

BeamSearch::BeamSearch(const Vocabulary& vocabulary, const DecoderOptions& options)
    : n_tokens_(vocabulary.size()),
      blank_id_(vocabulary.blank_id()),
      beam_size_(static_cast<std::size_t>(options.beam_size)),
      beam_threshold_(options.beam_threshold),
      max_tokens_(static_cast<std::size_t>(options.max_tokens)),
      min_token_log_prob_(options.min_token_log_prob),
      skip_log_prob_(options.blank_skip_prob < 1 ? std::log(options.blank_skip_prob)
                                                 : std::numeric_limits<double>::infinity()),
      log_add_(log_add_table()),
      fusion_(vocabulary, options) {
  reset();
}

void BeamSearch::reset() {
  root_word_.clear();
  start(fusion_.start());
}

void BeamSearch::carry_on() {
  FusionState state = tree_[beam_.front().node].state;
  state.lm = state.bonus = 0;
  if (fusion_.spells_words()) {
    root_word_ = open_word(beam_.front().node);
  } else {
    // A word of a lexicon begins and ends in one utterance.
    state.lexicon_node = Lexicon::kRoot;
    state.in_word = false;
  }
  start(state);
}

void BeamSearch::start(const FusionState& state) {
  tree_.clear();
  tree_[PrefixTree::kRoot].state = state;
  BeamPrefix empty;
  empty.label = kNever;
  empty.score = tree_[PrefixTree::kRoot].state.score();
  tree_.hold(empty.node);
  tree_[empty.node].slot = 0;
  beam_.assign(1, empty);
}

void BeamSearch::step(const float* log_probs, std::size_t frame) {
  if (find_largest(log_probs, n_tokens_) == n_tokens_) raise_not_finite(frame);
  frame_ = frame;
  candidates_.clear();
  floor_ = kNever;
  find_tokens(log_probs);
  stay(log_probs);
  if (static_cast<double>(log_probs[blank_id_]) < skip_log_prob_) grow(log_probs);
  keep_best();
  if (candidates_.empty()) {
    throw ModelError("Frame " + std::to_string(frame) + " makes every hypothesis impossible: the log-probs of its " +
                     "blank and of every token that may follow are -infinity. Check the model" +
                     (fusion_.spells_words() ? "." : ", or allow words outside the lexicon."));
  }
  take();
}

// What max_tokens and min_token_log_prob leave of the frame's tokens.
void BeamSearch::find_tokens(const float* log_probs) {
  token_floor_ = static_cast<float>(std::max(min_token_log_prob_, -1e38));
  token_floor_id_ = static_cast<std::int32_t>(n_tokens_);
  if (max_tokens_ == 0 || max_tokens_ + 1 >= n_tokens_) return;
  tokens_.clear();
  for (std::size_t id = 0; id < n_tokens_; ++id) {
    if (static_cast<int>(id) != blank_id_) tokens_.push_back({log_probs[id], static_cast<std::int32_t>(id)});
  }
  const auto last = tokens_.begin() + static_cast<std::ptrdiff_t>(max_tokens_ - 1);
  std::nth_element(tokens_.begin(), last, tokens_.end(), [](const TokenScore& a, const TokenScore& b) {
    return a.log_prob != b.log_prob ? a.log_prob > b.log_prob : a.token < b.token;
  });
  if (last->log_prob < token_floor_) return;
  token_floor_ = last->log_prob;
  token_floor_id_ = last->token;
}

bool BeamSearch::is_tried(const float* log_probs, std::int32_t token) const {
  const float log_prob = log_probs[token];
  return log_prob > token_floor_ || (log_prob == token_floor_ && token <= token_floor_id_);
}

// Every prefix of the beam, a frame longer: a blank, its last token again, and what its parent in the beam gives it.
void BeamSearch::stay(const float* log_probs) {
  const double blank = static_cast<double>(log_probs[blank_id_]);
  const bool is_skipped = blank >= skip_log_prob_;
  stays_.resize(beam_.size());
  first_child_.assign(beam_.size(), -1);
  next_child_.assign(beam_.size(), -1);
  for (std::size_t slot = 0; slot < beam_.size(); ++slot) {
    const BeamPrefix& prefix = beam_[slot];
    const PrefixTree::Node& node = tree_[prefix.node];
    BeamPrefix& next = stays_[slot];
    next = prefix;
    next.blank = prefix.total + blank;
    next.label = kNever;
    if (node.token >= 0 && !is_skipped) {
      const double log_prob = static_cast<double>(log_probs[node.token]);
      next.label = prefix.label + log_prob;
      const std::int32_t parent_slot = tree_[node.parent].slot;
      if (parent_slot >= 0) {
        const BeamPrefix& parent = beam_[static_cast<std::size_t>(parent_slot)];
        next_child_[slot] = first_child_[static_cast<std::size_t>(parent_slot)];
        first_child_[static_cast<std::size_t>(parent_slot)] = static_cast<std::int32_t>(slot);
        if (is_tried(log_probs, node.token)) {
          const double before = tree_[node.parent].token == node.token ? parent.blank : parent.total;
          next.label = log_add_(next.label, before + log_prob);
        }
      }
    }
    next.total = log_add_(next.blank, next.label);
    next.score = next.total + node.state.score();
    if (next.label > next.blank) next.end_frame = frame_ + 1;
    if (next.total > kNever) consider({next.score, next.total, static_cast<std::int32_t>(slot), -1, -1});
  }
}

// Prefixes longer by a token. The beam is ordered by score and the tokens by log-prob, and what Fusion adds is bounded:
// once the bound is below the floor, nothing behind can have a place, so the result is that of trying all.
void BeamSearch::grow(const float* log_probs) {
  const double gain = fusion_.max_gain() + kSlack;
  const double lowest = std::max(floor_ - beam_.front().score - gain, static_cast<double>(token_floor_));
  // Rounded down, so that no token is missed.
  const float lowest_float = std::nextafter(static_cast<float>(lowest), -std::numeric_limits<float>::infinity());
  tokens_.clear();
  const auto look_at = [&](std::size_t begin, std::size_t end) {
    for (std::size_t id = begin; id < end; ++id) {
      const float log_prob = log_probs[id];
      if (log_prob < lowest_float) continue;
      const auto token = static_cast<std::int32_t>(id);
      if (token != blank_id_ && log_prob > static_cast<float>(kNever) && is_tried(log_probs, token)) {
        tokens_.push_back({log_prob, token});
      }
    }
  };
  // Nearly all blocks have none: one test each.
  constexpr std::size_t kBlock = 32;
  const std::size_t n_blocked = n_tokens_ - n_tokens_ % kBlock;
  for (std::size_t block = 0; block < n_blocked; block += kBlock) {
    int hit = 0;
    for (std::size_t lane = 0; lane < kBlock; ++lane) hit |= log_probs[block + lane] >= lowest_float;
    if (hit) look_at(block, block + kBlock);
  }
  look_at(n_blocked, n_tokens_);
  std::sort(tokens_.begin(), tokens_.end(), [](const TokenScore& a, const TokenScore& b) {
    return a.log_prob != b.log_prob ? a.log_prob > b.log_prob : a.token < b.token;
  });
  for (std::size_t slot = 0; slot < beam_.size(); ++slot) {
    const double best = beam_[slot].score + gain;
    if (tokens_.empty() || best + static_cast<double>(tokens_.front().log_prob) < floor_) break;
    for (const TokenScore& entry : tokens_) {
      const double log_prob = static_cast<double>(entry.log_prob);
      if (best + log_prob < floor_) break;
      grow_by(static_cast<std::int32_t>(slot), entry.token, log_prob);
    }
  }
}

void BeamSearch::grow_by(std::int32_t slot, std::int32_t token, double log_prob) {
  const BeamPrefix& prefix = beam_[static_cast<std::size_t>(slot)];
  const double total = (tree_[prefix.node].token == token ? prefix.blank : prefix.total) + log_prob;
  if (!(total > kNever)) return;
  const auto add = [&](std::int32_t word) {
    if (is_in_beam(slot, token, word)) return;  // it has taken this in stay()
    // A cheap bound first: repeats start from less than the whole prefix.
    if (total + tree_[prefix.node].state.score() + fusion_.max_gain() + kSlack < floor_) return;
    const double score = total + extended_score(prefix.node, token, word);
    consider({score, total, slot, token, word});
  };
  if (fusion_.spells_words()) {
    add(-1);
    return;
  }
  const Lexicon& lexicon = *fusion_.lexicon();
  const Lexicon::Node node = lexicon.child(tree_[prefix.node].state.lexicon_node, token);
  if (node == Lexicon::kNone) return;
  if (!lexicon.is_leaf(node)) add(-1);
  const auto words = lexicon.words_at(node);
  for (const std::uint32_t* word = words.first; word != words.second; ++word) add(static_cast<std::int32_t>(*word));
}

void BeamSearch::consider(const Candidate& candidate) {
  if (candidate.score < floor_) return;
  candidates_.push_back(candidate);
  floor_ = std::max(floor_, candidate.score - beam_threshold_);
  // With as many as the beam holds, the worst of the best is the floor for others.
  if (candidates_.size() == beam_size_ || candidates_.size() >= 4 * beam_size_) keep_best();
}

bool BeamSearch::better(const Candidate& a, const Candidate& b) const {
  if (a.score != b.score) return a.score > b.score;
  if (a.total != b.total) return a.total > b.total;
  return tree_.before(beam_[static_cast<std::size_t>(a.slot)].node, a.token, a.word,
                      beam_[static_cast<std::size_t>(b.slot)].node, b.token, b.word);
}

// The best candidates, as many as the beam holds, not too far below the best.
void BeamSearch::keep_best() {
  const auto is_better = [this](const Candidate& a, const Candidate& b) { return better(a, b); };
  if (candidates_.size() >= beam_size_) {
    const auto last = candidates_.begin() + static_cast<std::ptrdiff_t>(beam_size_ - 1);
    std::nth_element(candidates_.begin(), last, candidates_.end(), is_better);
    floor_ = std::max(floor_, last->score);
    candidates_.resize(beam_size_);
  }
}

// The candidates become the beam.
void BeamSearch::take() {
  candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(),
                                   [this](const Candidate& candidate) { return candidate.score < floor_; }),
                    candidates_.end());
  const auto is_better = [this](const Candidate& a, const Candidate& b) { return better(a, b); };
  // A frame of blank leaves the order as it was.
  if (!std::is_sorted(candidates_.begin(), candidates_.end(), is_better)) {
    std::sort(candidates_.begin(), candidates_.end(), is_better);
  }
  next_.clear();
  for (const Candidate& candidate : candidates_) {
    const auto slot = static_cast<std::size_t>(candidate.slot);
    if (candidate.token < 0) {
      next_.push_back(stays_[slot]);
    } else {
      const PrefixTree::Id parent = beam_[slot].node;
      PrefixTree::Id node = tree_.find(parent, candidate.token, candidate.word);
      if (node == PrefixTree::kNone) {
        const FusionState state = extended(parent, candidate.token, candidate.word);
        node = tree_.add(parent, candidate.token, candidate.word, state);
      }
      next_.push_back({node, kNever, candidate.total, candidate.total, candidate.score, frame_ + 1});
    }
    tree_.hold(next_.back().node);
  }
  for (const BeamPrefix& prefix : beam_) {
    tree_[prefix.node].slot = -1;
    tree_.release(prefix.node);
  }
  beam_.swap(next_);
  for (std::size_t slot = 0; slot < beam_.size(); ++slot)
    tree_[beam_[slot].node].slot = static_cast<std::int32_t>(slot);
}

bool BeamSearch::is_in_beam(std::int32_t slot, std::int32_t token, std::int32_t word) const {
  std::int32_t child = first_child_[static_cast<std::size_t>(slot)];
  for (; child >= 0; child = next_child_[static_cast<std::size_t>(child)]) {
    const PrefixTree::Node& node = tree_[beam_[static_cast<std::size_t>(child)].node];
    if (node.token == token && node.word == word) return true;
  }
  return false;
}

std::string BeamSearch::open_word(PrefixTree::Id node) const {
  std::string word;
  for (; node != PrefixTree::kRoot; node = tree_[node].parent) {
    const std::string& surface = fusion_.surface(tree_[node].token);
    const std::size_t space = surface.rfind(' ');
    word.insert(0, surface, space == std::string::npos ? 0 : space + 1, std::string::npos);
    if (space != std::string::npos) return word;
  }
  return root_word_ + word;
}

const FusionState& BeamSearch::closed(PrefixTree::Id id) {
  PrefixTree::Node& node = tree_[id];
  if (!node.has_closed) {
    node.closed = fusion_.close(node.state, open_word(id));
    node.has_closed = true;
  }
  return node.closed;
}

FusionState BeamSearch::extended(PrefixTree::Id id, std::int32_t token, std::int32_t word) {
  const FusionState& state = tree_[id].state;
  if (fusion_.is_empty()) return state;
  if (!fusion_.spells_words()) {
    return fusion_.extend(state, token, fusion_.lexicon()->child(state.lexicon_node, token), word);
  }
  return fusion_.extend(state, token, fusion_.closes(state, token) ? closed(id) : state,
                        fusion_.splits(token) ? open_word(id) : std::string());
}

double BeamSearch::extended_score(PrefixTree::Id id, std::int32_t token, std::int32_t word) {
  if (fusion_.is_empty()) return 0;
  if (!fusion_.has_shortcut(token)) return extended(id, token, word).score();
  const FusionState& state = tree_[id].state;
  const FusionState& after = fusion_.closes(state, token) ? closed(id) : state;
  return fusion_.extended_score(state, token, after, [&](bool is_closed) {
    double& cost = tree_[id].unknown_costs[is_closed];
    if (std::isnan(cost)) cost = fusion_.unknown_cost(after);
    return cost;
  });
}

FusionState BeamSearch::finished(PrefixTree::Id id) {
  const bool is_open = fusion_.spells_words() && tree_[id].state.in_word;
  return fusion_.finish(is_open ? closed(id) : tree_[id].state);
}

PrefixTree::Id BeamSearch::common_prefix(PrefixTree::Id from) const {
  // Every node that is alive leads to a prefix of the beam, so the way down is shared until it branches.
  PrefixTree::Id common = from;
  while (tree_[common].slot < 0) {
    const PrefixTree::Id child = tree_[common].first_child;
    if (child == PrefixTree::kNone || tree_[child].next != PrefixTree::kNone) break;
    common = child;
  }
  return common;
}

}  // namespace fastctc
