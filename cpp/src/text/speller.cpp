#include "text/speller.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/case_folding.h"
#include "base/utf8.h"
#include "fastctc/error.h"

namespace fastctc {

Speller::Speller(const Vocabulary& vocabulary, std::unique_ptr<const SentencePieceModel> pieces)
    : model_(std::move(pieces)) {
  std::unordered_map<std::string, int> bytes;
  const auto n_tokens = static_cast<int>(vocabulary.size());
  for (int id = 0; id < n_tokens; ++id) {
    if (id == vocabulary.blank_id()) continue;
    const Vocabulary::TokenText token = vocabulary.token_text(id);
    if (token.byte >= 0) bytes.emplace(std::string(1, static_cast<char>(token.byte)), id);
    if (token.text.empty()) continue;
    exact_.emplace(token.text, id);
    marks_starts_ = marks_starts_ || (token.text[0] == ' ' && token.text.size() > 1);
  }
  // Among pieces that differ in case alone the folded one wins.
  any_case_ = exact_;
  for (int id = 0; id < n_tokens; ++id) {
    if (id != vocabulary.blank_id()) any_case_.emplace(fold_case(vocabulary.token_text(id).text), id);
  }
  any_case_.erase("");
  for (const auto& byte : bytes) {
    exact_.insert(byte);
    any_case_.insert(byte);
  }
  for (const auto& entry : any_case_) longest_ = std::max(longest_, entry.first.size());
  if (!model_) return;
  std::unordered_map<std::string, int> ids;
  for (int id = 0; id < n_tokens; ++id) ids.emplace(vocabulary.piece(id), id);
  for (int id = 0; id < static_cast<int>(model_->size()); ++id) {
    const auto found = ids.find(model_->piece(id));
    if (found == ids.end() && !model_->is_control(id)) {
      throw VocabularyError(
          "The SentencePiece model has the piece '" + model_->piece(id) + "', which is not among the " +
          "model's tokens: it belongs to another model. Remove the file, or put the right one there.");
    }
    model_ids_.push_back(found == ids.end() ? SentencePieceModel::kUnknown : found->second);
  }
}

std::vector<int> Speller::spell(const std::string& text) const {
  std::vector<Word> words;
  std::size_t position = 0;
  bool in_word = false;
  for (std::size_t at = 0; at < text.size(); ++position) {
    const std::size_t n_bytes = std::max<std::size_t>(1, character_bytes(text, at));
    const bool is_space = white_space_bytes(text, at) > 0;
    if (!is_space && !in_word) words.push_back({"", position});
    if (!is_space) words.back().text += text.substr(at, n_bytes);
    in_word = !is_space;
    at += n_bytes;
  }
  std::vector<int> ids = cut(words);
  if (!ids.empty()) return ids;
  for (std::size_t i = 0; i < words.size(); ++i) {
    // A vocabulary of characters has a space between words; one of word pieces marks the start of each word.
    const std::string gap = marks_starts_ || i > 0 ? " " : "";
    std::size_t n_spelled = 0;
    if (spell_word(gap + words[i].text, exact_, ids, n_spelled)) continue;
    const std::string folded = fold_case(words[i].text);
    std::size_t n_folded = 0;
    if (spell_word(gap + folded, any_case_, ids, n_folded)) continue;
    // Folding may change how many bytes a character has; the position counts characters.
    std::size_t n_characters = 0;
    for (std::size_t at = gap.size(); at < n_folded;
         at += std::max<std::size_t>(1, character_bytes(gap + folded, at))) {
      ++n_characters;
    }
    std::size_t byte = 0;
    while (n_characters-- > 0) byte += std::max<std::size_t>(1, character_bytes(words[i].text, byte));
    raise_gap(words[i], byte);
  }
  return ids;
}

std::vector<int> Speller::cut(const std::vector<Word>& words) const {
  if (!model_) return {};
  const auto is_known = [](const std::vector<int>& ids) {
    return std::find(ids.begin(), ids.end(), SentencePieceModel::kUnknown) == ids.end();
  };
  std::string text;
  for (const Word& word : words) {
    text += (text.empty() ? "" : " ") + (is_known(model_->encode(word.text)) ? word.text : fold_case(word.text));
  }
  std::vector<int> ids = model_->encode(text);
  if (!is_known(ids)) return {};
  for (int& id : ids) id = model_ids_[static_cast<std::size_t>(id)];
  return ids;
}

bool Speller::spell_word(const std::string& word, const std::unordered_map<std::string, int>& tokens,
                         std::vector<int>& ids, std::size_t& n_spelled) const {
  constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();
  struct Step {
    std::size_t n_pieces = kNever;  // from here to the end
    std::size_t end = 0;            // of the first of them
    int token = -1;
  };
  std::vector<Step> steps(word.size() + 1);
  steps.back().n_pieces = 0;
  for (std::size_t begin = word.size(); begin-- > 0;) {
    for (std::size_t end = std::min(word.size(), begin + longest_); end > begin; --end) {
      if (steps[end].n_pieces == kNever || steps[end].n_pieces + 1 >= steps[begin].n_pieces) continue;
      const auto token = tokens.find(word.substr(begin, end - begin));
      if (token != tokens.end()) steps[begin] = {steps[end].n_pieces + 1, end, token->second};
    }
  }
  if (steps.front().n_pieces != kNever) {
    for (std::size_t at = 0; at < word.size(); at = steps[at].end) ids.push_back(steps[at].token);
    return true;
  }
  std::vector<bool> is_reached(word.size() + 1);
  is_reached[0] = true;
  for (std::size_t begin = 0; begin < word.size(); ++begin) {
    if (!is_reached[begin]) continue;
    n_spelled = begin;
    for (std::size_t end = begin + 1; end <= std::min(word.size(), begin + longest_); ++end) {
      if (tokens.count(word.substr(begin, end - begin)) > 0) is_reached[end] = true;
    }
  }
  return false;
}

void Speller::raise_gap(const Word& word, std::size_t byte) {
  std::size_t position = word.position + 1;
  for (std::size_t at = 0; at < byte; at += std::max<std::size_t>(1, character_bytes(word.text, at))) ++position;
  throw AlignmentError("The model's pieces can't spell '" + word.text + "': none goes on with '" +
                       word.text.substr(byte, std::max<std::size_t>(1, character_bytes(word.text, byte))) +
                       "', character " + std::to_string(position) + " of the text. Write it as it is said, in the " +
                       "characters of the model's tokens.");
}

}  // namespace fastctc
