// What is known of a prefix beside the audio: language model, words, hot words, lexicon.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fastctc/hot_words.h"
#include "fastctc/language_model.h"
#include "fastctc/lexicon.h"
#include "fastctc/options.h"
#include "fastctc/vocabulary.h"

namespace fastctc {

// Of one prefix; equal states have equal futures.
struct FusionState {
  double lm = 0;     // weighted log-probs of the words that have ended, unknown words' scores with them
  double bonus = 0;  // words that have ended, and hot words with what is paid in advance
  LanguageModel::State lm_state = 0;
  HotWords::State hot_state = 0;
  Lexicon::Node lexicon_node = Lexicon::kRoot;
  bool in_word = false;  // the last word has begun and may go on

  double score() const { return lm + bonus; }
};

class Fusion {
 public:
  // Raises OptionError where hot words or lexicon are of another vocabulary.
  Fusion(const Vocabulary& vocabulary, const DecoderOptions& options);

  FusionState start() const;
  // No token adds more to a prefix's score.
  double max_gain() const { return max_gain_; }
  // A token may change the score at all.
  bool is_empty() const { return is_empty_; }

  // Words end at tokens that start others; in a lexicon of spellings where the spelling does.
  bool spells_words() const { return lexicon_ == nullptr || lexicon_->out_of_lexicon() == OutOfLexicon::allow; }
  const Lexicon* lexicon() const { return lexicon_; }

  // spells_words(): the state after the token. `closed` is close() of the open word, read where closes(); open_word its
  // text, read where splits().
  FusionState extend(const FusionState& from, int token, const FusionState& closed, const std::string& open_word) const;
  // The token ends the open word with its first character.
  bool closes(const FusionState& from, int token) const { return from.in_word && surface(token)[0] == ' '; }
  // The token's text goes on with the open word and ends it.
  bool splits(int token) const { return splits_[static_cast<std::size_t>(token)]; }
  // The state where the open word ends, spelled `word`.
  FusionState close(const FusionState& from, const std::string& word) const;
  // Text that the token adds; a space ends a word.
  const std::string& surface(int token) const { return surfaces_[static_cast<std::size_t>(token)]; }

  // !spells_words(): the state after the token that leads to a node of the lexicon; word: of those there, -1: none
  // ends.
  FusionState extend(const FusionState& from, int token, Lexicon::Node node, int word) const;

  // The whole score where the utterance ends; `closed` is close() where a word is open.
  FusionState finish(const FusionState& from) const;

 private:
  void add_word(FusionState& state, LanguageModel::WordId id, bool is_known) const;
  void add_hot_word_token(FusionState& state, int token) const;

  DecoderOptions options_;
  const LanguageModel* lm_;
  const HotWords* hot_words_;
  const Lexicon* lexicon_;
  bool is_token_lm_;
  bool is_empty_;
  double max_gain_ = 0;
  std::vector<std::string> surfaces_;
  std::vector<bool> splits_;
  std::vector<LanguageModel::WordId> token_ids_;    // of a token-level model
  std::vector<LanguageModel::WordId> lexicon_ids_;  // of the lexicon's words
};

}  // namespace fastctc
