#include "fastctc/vocabulary.h"

#include <algorithm>
#include <initializer_list>
#include <unordered_map>
#include <utility>

#include "base/utf8.h"
#include "fastctc/error.h"
#include "text/detokenize.h"
#include "text/token_list.h"

namespace fastctc {
namespace {

const char kAppendedBlank[] = "<blk>";

int find_piece(const std::vector<std::string>& pieces, const std::string& piece) {
  const auto found = std::find(pieces.begin(), pieces.end(), piece);
  return found == pieces.end() ? -1 : static_cast<int>(found - pieces.begin());
}

// Ids of the names that are in the list.
std::vector<int> find_names(const std::vector<std::string>& pieces, std::initializer_list<const char*> names) {
  std::vector<int> ids;
  for (const char* name : names) {
    const int id = find_piece(pieces, name);
    if (id >= 0) ids.push_back(id);
  }
  return ids;
}

// Names that only a blank has.
std::vector<int> find_certain_blanks(const std::vector<std::string>& pieces) {
  return find_names(pieces, {"<blk>", "<blank>", "<b>", "[blank]"});
}

// Names that are the blank if no other is: Kaldi's <eps>, wav2vec2's <pad>.
std::vector<int> find_possible_blanks(const std::vector<std::string>& pieces) {
  return find_names(pieces, {"<eps>", "<pad>", "[PAD]"});
}

std::string describe(const std::vector<std::string>& pieces, int id) {
  return "'" + pieces[static_cast<std::size_t>(id)] + "' (id " + std::to_string(id) + ")";
}

// The blank: the caller's id, unless the list contradicts it; else by name; else the last.
int resolve_blank(const std::vector<std::string>& pieces, int blank_id) {
  const int last = static_cast<int>(pieces.size()) - 1;
  if (blank_id > last) {
    throw OptionError("Option blank_id is " + std::to_string(blank_id) + ", but the ids of the token list end at " +
                      std::to_string(last) + ".");
  }
  std::vector<int> named = find_certain_blanks(pieces);
  if (blank_id >= 0) {
    if (!named.empty() && std::find(named.begin(), named.end(), blank_id) == named.end()) {
      throw VocabularyError("Option blank_id says " + describe(pieces, blank_id) +
                            ", but the token list names the blank " + describe(pieces, named.front()) +
                            ". Leave the option out, or rename the piece.");
    }
    return blank_id;
  }
  if (named.empty()) named = find_possible_blanks(pieces);
  if (named.size() > 1) {
    throw VocabularyError("The token list has two pieces that could be the blank, " + describe(pieces, named[0]) +
                          " and " + describe(pieces, named[1]) + ". Say which one with the option blank_id.");
  }
  return named.empty() ? last : named.front();
}

void check_pieces(const std::vector<std::string>& pieces) {
  if (pieces.empty()) throw VocabularyError("The token list is empty.");
  std::unordered_map<std::string, std::size_t> ids;
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    const std::string& piece = pieces[id];
    const std::string where = "The piece of id " + std::to_string(id) + " ";
    if (piece.empty()) throw VocabularyError(where + "is empty.");
    if (find_invalid_utf8(piece) < piece.size()) throw VocabularyError(where + "is not UTF-8.");
    const auto inserted = ids.emplace(piece, id);
    if (!inserted.second) {
      throw VocabularyError(where + "('" + piece + "') is that of id " + std::to_string(inserted.first->second) +
                            " too.");
    }
  }
}

TextStyle find_style(const std::vector<std::string>& pieces) {
  const std::string mark = "\xE2\x96\x81";
  const auto any = [&](auto&& is) { return std::any_of(pieces.begin(), pieces.end(), is); };
  const auto has_mark_within = [&](const std::string& piece) {
    return piece != mark && piece.find(mark) != std::string::npos;
  };
  const auto continues = [](const std::string& piece) { return piece.size() > 2 && piece.compare(0, 2, "##") == 0; };
  if (any(has_mark_within)) return TextStyle::sentencepiece;
  if (any(continues)) return TextStyle::wordpiece;
  return find_piece(pieces, mark) >= 0 ? TextStyle::sentencepiece : TextStyle::characters;
}

TextStyle style_from_text(const std::string& text, const std::vector<std::string>& pieces) {
  if (text.empty()) return find_style(pieces);
  if (text == "sentencepiece") return TextStyle::sentencepiece;
  if (text == "characters") return TextStyle::characters;
  if (text == "wordpiece") return TextStyle::wordpiece;
  throw OptionError("Option text_style must be sentencepiece, characters or wordpiece, not '" + text + "'.");
}

// Appends the blank that NeMo's lists leave out, and checks the width.
void fit(std::vector<std::string>& pieces, std::size_t n_tokens, int blank_id, const std::string& path) {
  if (n_tokens == 0) return;
  const bool blank_is_last = blank_id < 0 || static_cast<std::size_t>(blank_id) + 1 == n_tokens;
  if (pieces.size() + 1 == n_tokens && blank_is_last && find_certain_blanks(pieces).empty()) {
    pieces.emplace_back(kAppendedBlank);
  }
  if (pieces.size() == n_tokens) return;
  // NeMo's own vocab.txt of a SentencePiece model leaves <unk> and other specials out.
  const bool cut = pieces.size() < n_tokens && find_style(pieces) == TextStyle::wordpiece;
  throw VocabularyError("Token list '" + path + "' has " + std::to_string(pieces.size()) +
                        " pieces, but the model's output is " + std::to_string(n_tokens) + " wide. " +
                        (cut ? "NeMo's vocab.txt leaves <unk> out; write the list from the model's own tokenizer."
                             : "Use the list that belongs to the model."));
}

}  // namespace

Vocabulary::Vocabulary(std::vector<std::string> pieces, int blank_id, TextStyle style)
    : pieces_(std::move(pieces)), style_(style) {
  check_pieces(pieces_);
  blank_id_ = resolve_blank(pieces_, blank_id);
  bar_is_space_ = style_ == TextStyle::characters && find_piece(pieces_, "|") >= 0 &&
                  std::none_of(pieces_.begin(), pieces_.end(), is_space_piece);
}

Vocabulary::Vocabulary(std::vector<std::string> pieces, int blank_id)
    : Vocabulary(pieces, blank_id, find_style(pieces)) {}

Vocabulary Vocabulary::read(const std::string& path, std::size_t n_tokens, int blank_id, const std::string& style) {
  std::vector<std::string> pieces = read_token_list(path);
  fit(pieces, n_tokens, blank_id, path);
  if (n_tokens == 0 && blank_id < 0 && find_certain_blanks(pieces).empty() && find_possible_blanks(pieces).empty()) {
    throw VocabularyError("Token list '" + path +
                          "' has no piece <blk>, <blank>, <b>, [blank], <eps>, <pad> or [PAD], " +
                          "and nothing tells the model's width. Say which id is the blank with the option blank_id.");
  }
  const TextStyle found = style_from_text(style, pieces);
  return Vocabulary(std::move(pieces), blank_id, found);
}

const std::string& Vocabulary::piece(int id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= pieces_.size()) {
    throw OptionError("Token id " + std::to_string(id) + " is not in the vocabulary, whose ids run from 0 to " +
                      std::to_string(pieces_.size() - 1) + ".");
  }
  return pieces_[static_cast<std::size_t>(id)];
}

namespace {

Detokenized detokenize_ids(const Vocabulary& vocabulary, const std::vector<int>& ids, bool bar_is_space) {
  std::vector<const std::string*> pieces;
  pieces.reserve(ids.size());
  for (const int id : ids) {
    pieces.push_back(&vocabulary.piece(id));
    if (id == vocabulary.blank_id()) {
      throw OptionError("Token id " + std::to_string(id) + " is the blank, which has no text. Drop blanks first.");
    }
  }
  return detokenize(pieces, vocabulary.style(), bar_is_space);
}

}  // namespace

std::string Vocabulary::text(const std::vector<int>& ids) const {
  return detokenize_ids(*this, ids, bar_is_space_).text;
}

Vocabulary::TokenText Vocabulary::token_text(int id) const {
  const std::string& text = piece(id);
  TokenText result;
  if (id == blank_id_) return result;
  if (style_ != TextStyle::wordpiece) result.byte = byte_value(text);
  if (result.byte < 0) result.text = added_text(text, style_, bar_is_space_);
  return result;
}

std::vector<Vocabulary::WordSpan> Vocabulary::words(const std::vector<int>& ids) const {
  const Detokenized result = detokenize_ids(*this, ids, bar_is_space_);
  std::vector<WordSpan> words;
  std::size_t token = 0;
  for (const ByteRange& word : split_words(result.text)) {
    const auto ends_before = [&](std::size_t index) { return result.ranges[index].end <= word.begin; };
    while (ends_before(token)) ++token;
    WordSpan span{result.text.substr(word.begin, word.end - word.begin), token, token + 1};
    // Tokens without text (control pieces) at the end of the word are not part of it.
    for (std::size_t next = token; next < ids.size() && result.ranges[next].begin < word.end; ++next) {
      if (result.ranges[next].end > result.ranges[next].begin) span.end = next + 1;
    }
    words.push_back(std::move(span));
  }
  return words;
}

}  // namespace fastctc
