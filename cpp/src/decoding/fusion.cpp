#include "decoding/fusion.h"

#include <algorithm>

#include "decoding/surface.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

void check_size(const char* what, std::size_t n_tokens, const Vocabulary& vocabulary) {
  if (n_tokens == vocabulary.size()) return;
  throw OptionError(std::string("The ") + what + " were made for a vocabulary of " + std::to_string(n_tokens) +
                    " tokens, but the model's has " + std::to_string(vocabulary.size()) +
                    ". Make them with the model's own.");
}

}  // namespace

Fusion::Fusion(const Vocabulary& vocabulary, const DecoderOptions& options)
    : options_(options),
      lm_(options.language_model.get()),
      hot_words_(options.hot_words.get()),
      lexicon_(options.lexicon.get()),
      is_token_lm_(lm_ != nullptr && options.lm_unit == LanguageModelUnit::token),
      is_empty_(lm_ == nullptr && hot_words_ == nullptr && lexicon_ == nullptr && options.word_bonus == 0),
      surfaces_(surfaces(vocabulary)) {
  if (hot_words_) check_size("hot words", hot_words_->n_tokens(), vocabulary);
  if (lexicon_) check_size("lexicon's spellings", lexicon_->n_tokens(), vocabulary);
  // Log-probs of the model are no gain. A token may end as many words as its text has spaces, and one of a lexicon.
  std::ptrdiff_t n_ends = 1;
  for (const std::string& surface : surfaces_) {
    n_ends = std::max(n_ends, std::count(surface.begin(), surface.end(), ' '));
    const std::size_t space = surface.find(' ');
    splits_.push_back(space != 0 && space != std::string::npos);
  }
  max_gain_ = static_cast<double>(n_ends) *
              (std::max(options.word_bonus, 0.0) + (lm_ || lexicon_ ? std::max(options.unknown_word_score, 0.0) : 0.0));
  if (hot_words_) max_gain_ += std::max(hot_words_->max_delta(), 0.0);
  if (is_token_lm_) {
    for (const std::string& piece : vocabulary.pieces()) token_ids_.push_back(lm_->find(piece.data(), piece.size()));
  }
  if (lm_ && lexicon_ && !spells_words()) {
    for (std::uint32_t i = 0; i < lexicon_->n_words(); ++i) {
      const std::string& word = lexicon_->word(i);
      lexicon_ids_.push_back(lm_->find(word.data(), word.size()));
    }
  }
}

FusionState Fusion::start() const {
  FusionState state;
  if (lm_) state.lm_state = lm_->start();
  if (hot_words_) state.hot_state = hot_words_->start();
  return state;
}

void Fusion::add_word(FusionState& state, LanguageModel::WordId id, bool is_known) const {
  state.bonus += options_.word_bonus;
  if (lm_) {
    state.lm += options_.lm_weight * static_cast<double>(lm_->score(state.lm_state, id, &state.lm_state));
    is_known = is_known && id != LanguageModel::kUnknown;
  }
  if (!is_known) state.lm += options_.unknown_word_score;
}

void Fusion::add_hot_word_token(FusionState& state, int token) const {
  if (!hot_words_) return;
  double delta = 0;
  state.hot_state = hot_words_->step(state.hot_state, token, &delta);
  state.bonus += delta;
}

FusionState Fusion::close(const FusionState& from, const std::string& word) const {
  FusionState state = from;
  state.in_word = false;
  // Where the lexicon allows others, what it spells is known; a word that left its trie is not.
  const bool is_known =
      !lexicon_ || (from.lexicon_node != Lexicon::kNone &&
                    lexicon_->words_at(from.lexicon_node).first != lexicon_->words_at(from.lexicon_node).second);
  state.lexicon_node = Lexicon::kRoot;
  if (is_token_lm_) {
    if (!is_known) state.lm += options_.unknown_word_score;
    return state;
  }
  add_word(state, lm_ ? lm_->find(word.data(), word.size()) : LanguageModel::kUnknown, is_known);
  return state;
}

FusionState Fusion::extend(const FusionState& from, int token, const FusionState& closed,
                           const std::string& open_word) const {
  FusionState state = from;
  const std::string& text = surfaces_[static_cast<std::size_t>(token)];
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != ' ') continue;
    if (i > begin) state.in_word = true;
    if (i == text.size()) break;
    // The word before ends here: the one that was open, or one that this token spells whole.
    if (state.in_word && i == 0) {
      state = closed;
    } else if (state.in_word) {
      state = close(state, (begin == 0 ? open_word : "") + text.substr(begin, i - begin));
    }
    begin = i + 1;
  }
  if (lexicon_ && state.lexicon_node != Lexicon::kNone) {
    state.lexicon_node = lexicon_->child(state.lexicon_node, token);
  }
  if (is_token_lm_) {
    state.bonus += options_.word_bonus;
    const LanguageModel::WordId id = token_ids_[static_cast<std::size_t>(token)];
    state.lm += options_.lm_weight * static_cast<double>(lm_->score(state.lm_state, id, &state.lm_state));
    if (id == LanguageModel::kUnknown) state.lm += options_.unknown_word_score;
  }
  add_hot_word_token(state, token);
  return state;
}

FusionState Fusion::extend(const FusionState& from, int token, Lexicon::Node node, int word) const {
  FusionState state = from;
  state.lexicon_node = word < 0 ? node : Lexicon::kRoot;
  state.in_word = word < 0;
  if (is_token_lm_) {
    const LanguageModel::WordId id = token_ids_[static_cast<std::size_t>(token)];
    state.lm += options_.lm_weight * static_cast<double>(lm_->score(state.lm_state, id, &state.lm_state));
    if (id == LanguageModel::kUnknown) state.lm += options_.unknown_word_score;
    state.bonus += options_.word_bonus;
  } else if (word >= 0) {
    add_word(state, lm_ ? lexicon_ids_[static_cast<std::size_t>(word)] : LanguageModel::kUnknown, true);
  }
  add_hot_word_token(state, token);
  return state;
}

FusionState Fusion::finish(const FusionState& from) const {
  FusionState state = from;
  // Of a lexicon: a word that was not spelled to its end.
  if (!spells_words() && state.in_word) state.lm += options_.unknown_word_score;
  if (lm_ && options_.score_sentence_end) {
    state.lm += options_.lm_weight * static_cast<double>(lm_->score_end(state.lm_state));
  }
  if (hot_words_) state.bonus += hot_words_->finish(state.hot_state);
  return state;
}

}  // namespace fastctc
