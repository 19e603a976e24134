#include "text/sentencepiece_model.h"

#include <algorithm>
#include <queue>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/protobuf.h"
#include "base/utf8.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

const std::string kSpace = "\xE2\x96\x81";        // U+2581
const std::string kReplacement = "\xEF\xBF\xBD";  // of bytes that are no UTF-8

// Types of pieces.
constexpr int kNormal = 1, kUnknownPiece = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6;

constexpr std::size_t kLargestFileBytes = std::size_t{64} << 20;  // the largest models are a few MB

// Calls visit(field) for each field of a message. Raises where the bytes are no such message, or visit expected a
// field of another type.
template <class Visit>
void each_field(ProtobufMessage message, const std::string& name, const Visit& visit) {
  while (message.next()) visit(message);
  if (message.is_broken()) {
    throw VocabularyError(name +
                          " is no SentencePiece model, or it is damaged. Take the tokenizer.model of the model.");
  }
}

std::uint64_t integer(ProtobufMessage& field) {
  field.expect(WireType::varint);
  return field.number();
}

float real(ProtobufMessage& field) {
  field.expect(WireType::fixed32);
  return field.real();
}

std::string_view content(ProtobufMessage& field) {
  field.expect(WireType::bytes);
  return field.content();
}

// Bytes of the character at `position`, 1 where there is none.
std::size_t one_character(const std::string& text, std::size_t position) {
  return std::max<std::size_t>(1, character_bytes(text, position));
}

// Units of Darts' double array (Darts-clone's layout).
std::uint32_t offset(std::uint32_t unit) { return (unit >> 10) << ((unit & (1U << 9)) >> 6); }
bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
std::uint32_t label(std::uint32_t unit) { return unit & ((1U << 31) | 0xFF); }
std::uint32_t leaf_value(std::uint32_t unit) { return unit & ((1U << 31) - 1); }

}  // namespace

SentencePieceModel SentencePieceModel::read(const std::string& path) {
  const std::string name = "'" + path + "'";
  return parse(read_file(path, "The SentencePiece model " + name, kLargestFileBytes,
                         "Name the file with the option `tokenizer`."),
               name);
}

SentencePieceModel SentencePieceModel::parse(const std::string& bytes, const std::string& name) {
  SentencePieceModel model;
  std::string char_map;
  each_field(ProtobufMessage(bytes), name, [&](ProtobufMessage& field) {
    if (field.field() > 3) return;
    const ProtobufMessage part(content(field));
    if (field.is_broken()) return;
    if (field.field() == 1) {
      std::string piece;
      float score = 0;
      int type = kNormal;
      each_field(part, name, [&](ProtobufMessage& entry) {
        if (entry.field() == 1) piece = content(entry);
        if (entry.field() == 2) score = real(entry);
        if (entry.field() == 3) type = static_cast<int>(integer(entry) & 0xFF);
      });
      model.add_piece(piece, score, type, name);
    } else if (field.field() == 2) {
      each_field(part, name, [&](ProtobufMessage& trainer) {
        if (trainer.field() == 3) model.kind_ = static_cast<Kind>(integer(trainer) & 0xFF);
        if (trainer.field() == 24) model.space_is_suffix_ = integer(trainer) != 0;
      });
    } else {
      each_field(part, name, [&](ProtobufMessage& normalizer) {
        if (normalizer.field() == 2) char_map = content(normalizer);
        if (normalizer.field() == 3) model.add_dummy_prefix_ = integer(normalizer) != 0;
        if (normalizer.field() == 4) model.remove_extra_whitespaces_ = integer(normalizer) != 0;
        if (normalizer.field() == 5) model.escape_whitespaces_ = integer(normalizer) != 0;
      });
    }
  });
  if (model.pieces_.empty()) {
    throw VocabularyError(name +
                          " is no SentencePiece model: it has no pieces. Take the tokenizer.model of the model.");
  }
  if (model.kind_ != Kind::unigram && model.kind_ != Kind::bpe && model.kind_ != Kind::characters) {
    throw VocabularyError(name + " is a SentencePiece model of whole words, which no CTC model spells with. Take the " +
                          "tokenizer.model of the model.");
  }
  // The character map: length of the trie (4 bytes, little-endian), the trie, the replacements of its keys.
  if (!char_map.empty()) {
    const auto word = [&](std::size_t at) {
      std::uint32_t value = 0;
      for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(char_map[at + i]);
      return value;
    };
    const std::size_t trie_bytes = char_map.size() < 4 ? 1 : word(0);
    if (trie_bytes % 4 != 0 || trie_bytes == 0 || trie_bytes > char_map.size() - 4) {
      throw VocabularyError(name + ": its normalisation is damaged. Take the tokenizer.model of the model.");
    }
    for (std::size_t at = 4; at < 4 + trie_bytes; at += 4) model.trie_.push_back(word(at));
    model.replacements_ = char_map.substr(4 + trie_bytes);
  }
  return model;
}

void SentencePieceModel::add_piece(const std::string& piece, float score, int type, const std::string& name) {
  const auto id = static_cast<int>(pieces_.size());
  const std::string where = name + ", piece " + std::to_string(id);
  if (piece.empty() || find_invalid_utf8(piece) != piece.size()) {
    throw VocabularyError(where + " is empty or no UTF-8. Take the tokenizer.model of the model.");
  }
  if (type == kUnused) {
    throw VocabularyError(where +
                          " is marked as unused, which is not supported. Remove the file, or rename it: texts " +
                          "are then spelled with the fewest pieces.");
  }
  pieces_.push_back(piece);
  scores_.push_back(score);
  is_control_.push_back(type == kUnknownPiece || type == kControl);
  if (type == kByte) {
    // <0xNN>
    const std::string known = "0123456789ABCDEF";
    const std::size_t high = piece.size() == 6 ? known.find(piece[3]) : std::string::npos;
    const std::size_t low = piece.size() == 6 ? known.find(piece[4]) : std::string::npos;
    if (high == std::string::npos || low == std::string::npos) {
      throw VocabularyError(where + " is no byte: '" + piece + "'. Take the tokenizer.model of the model.");
    }
    byte_ids_[std::string(1, static_cast<char>(high << 4 | low))] = id;
    return;
  }
  if (is_control_.back()) return;
  ids_.emplace(piece, id);
  longest_piece_ = std::max(longest_piece_, piece.size());
  if (type == kUserDefined) {
    user_defined_.emplace(piece, id);
    longest_user_defined_ = std::max(longest_user_defined_, piece.size());
    return;
  }
  const bool is_first = ids_.size() == user_defined_.size() + 1;
  lowest_score_ = is_first ? score : std::min(lowest_score_, score);
  highest_score_ = is_first ? score : std::max(highest_score_, score);
}

int SentencePieceModel::find(const std::string& piece) const {
  const auto found = ids_.find(piece);
  return found == ids_.end() ? kUnknown : found->second;
}

// Bytes of the longest user-defined piece at `position`; 0: none.
std::size_t SentencePieceModel::user_defined_bytes(const std::string& text, std::size_t position) const {
  for (std::size_t n = std::min(longest_user_defined_, text.size() - position); n > 0; --n) {
    if (user_defined_.count(text.substr(position, n)) > 0) return n;
  }
  return 0;
}

std::string SentencePieceModel::normalize_prefix(const std::string& text, std::size_t position,
                                                 std::size_t& n_bytes) const {
  n_bytes = user_defined_bytes(text, position);
  if (n_bytes > 0) return text.substr(position, n_bytes);
  // The longest key of the trie.
  std::size_t value = replacements_.size();
  if (!trie_.empty()) {
    std::uint32_t node = offset(trie_[0]);
    for (std::size_t i = position; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      node ^= byte;
      if (node >= trie_.size() || label(trie_[node]) != byte) break;
      const std::uint32_t unit = trie_[node];
      node ^= offset(unit);
      if (!has_leaf(unit) || node >= trie_.size()) continue;
      value = leaf_value(trie_[node]);
      n_bytes = i + 1 - position;
    }
  }
  if (n_bytes > 0 && value < replacements_.size()) return replacements_.c_str() + value;
  n_bytes = one_character(text, position);
  return character_bytes(text, position) == 0 ? kReplacement : text.substr(position, n_bytes);
}

std::string SentencePieceModel::normalize(const std::string& text) const {
  const std::string space = escape_whitespaces_ ? kSpace : " ";
  std::string result;
  std::size_t position = 0, n_bytes = 0;
  while (remove_extra_whitespaces_ && position < text.size() && normalize_prefix(text, position, n_bytes) == " ") {
    position += n_bytes;
  }
  if (position == text.size()) return "";
  if (add_dummy_prefix_ && !space_is_suffix_) result += space;
  bool after_space = remove_extra_whitespaces_;
  for (; position < text.size(); position += n_bytes) {
    const std::string part = normalize_prefix(text, position, n_bytes);
    std::size_t begin = 0;
    while (after_space && begin < part.size() && part[begin] == ' ') ++begin;
    for (std::size_t i = begin; i < part.size(); ++i) result += part[i] == ' ' ? space : std::string(1, part[i]);
    if (begin < part.size()) after_space = remove_extra_whitespaces_ && part.back() == ' ';
  }
  while (remove_extra_whitespaces_ && result.size() >= space.size() &&
         result.compare(result.size() - space.size(), space.size(), space) == 0) {
    result.resize(result.size() - space.size());
  }
  if (add_dummy_prefix_ && space_is_suffix_) result += space;
  return result;
}

std::vector<int> SentencePieceModel::encode(const std::string& text) const {
  const std::string normalized = normalize(text);
  std::vector<int> result;
  for (const std::string& piece : kind_ == Kind::unigram ? most_likely(normalized) : merge(normalized)) {
    const int id = find(piece);
    const auto has_byte = [this](char byte) { return byte_ids_.count(std::string(1, byte)) > 0; };
    if (id != kUnknown) {
      result.push_back(id);
    } else if (std::all_of(piece.begin(), piece.end(), has_byte)) {
      for (const char byte : piece) result.push_back(byte_ids_.at(std::string(1, byte)));
    } else if (result.empty() || result.back() != kUnknown) {
      result.push_back(kUnknown);
    }
  }
  return result;
}

// BPE: joins the two neighbours whose piece has the highest score (the first among equals) until no two have a piece.
std::vector<std::string> SentencePieceModel::merge(const std::string& text) const {
  struct Symbol {
    std::size_t begin, n_bytes;  // n_bytes 0: joined to another
    std::ptrdiff_t previous, next;
    bool is_whole;  // user-defined: never joined
  };
  std::vector<Symbol> symbols;
  for (std::size_t position = 0; position < text.size(); position += symbols.back().n_bytes) {
    const std::size_t whole = user_defined_bytes(text, position);
    const auto index = static_cast<std::ptrdiff_t>(symbols.size());
    symbols.push_back({position, whole > 0 ? whole : one_character(text, position), index - 1, index + 1, whole > 0});
  }
  const auto n_symbols = static_cast<std::ptrdiff_t>(symbols.size());
  const auto at = [&](std::ptrdiff_t index) -> Symbol& { return symbols[static_cast<std::size_t>(index)]; };

  struct Pair {
    float score;
    std::ptrdiff_t left, right;
    std::size_t n_bytes;
  };
  const auto is_later = [](const Pair& a, const Pair& b) {
    return a.score != b.score ? a.score < b.score : a.left > b.left;
  };
  std::priority_queue<Pair, std::vector<Pair>, decltype(is_later)> pairs(is_later);
  const auto add = [&](std::ptrdiff_t left, std::ptrdiff_t right) {
    if (left < 0 || right >= n_symbols || at(left).is_whole || at(right).is_whole) return;
    const std::size_t n_bytes = at(left).n_bytes + at(right).n_bytes;
    if (n_bytes > longest_piece_) return;
    const int id = find(text.substr(at(left).begin, n_bytes));
    if (id != kUnknown) pairs.push({scores_[static_cast<std::size_t>(id)], left, right, n_bytes});
  };
  if (kind_ == Kind::bpe) {
    for (std::ptrdiff_t right = 1; right < n_symbols; ++right) add(right - 1, right);
  }
  while (!pairs.empty()) {
    const Pair top = pairs.top();
    pairs.pop();
    Symbol& left = at(top.left);
    Symbol& right = at(top.right);
    if (left.n_bytes == 0 || right.n_bytes == 0 || left.n_bytes + right.n_bytes != top.n_bytes) continue;
    left.n_bytes = top.n_bytes;
    right.n_bytes = 0;
    left.next = right.next;
    if (left.next < n_symbols) at(left.next).previous = top.left;
    add(left.previous, top.left);
    add(top.left, left.next);
  }
  std::vector<std::string> result;
  for (const Symbol& symbol : symbols) {
    if (symbol.n_bytes > 0) result.push_back(text.substr(symbol.begin, symbol.n_bytes));
  }
  return result;
}

// Unigram: the pieces with the highest sum of scores (Viterbi). A character without a piece scores less than any piece.
std::vector<std::string> SentencePieceModel::most_likely(const std::string& text) const {
  struct Best {
    double score = 0;
    std::size_t begin = 0;
    bool is_reached = false;
  };
  // An unknown character scores this much less than the least likely piece, as in the library.
  constexpr float kUnknownPenalty = 10.0F;
  std::vector<Best> best(text.size() + 1);
  best[0].is_reached = true;
  // Sums are double: float can't tell similar readings of a long text apart.
  const auto reach = [&](std::size_t begin, std::size_t end, double score) {
    const double sum = score + best[begin].score;
    if (best[end].is_reached && sum <= best[end].score) return;
    best[end] = {sum, begin, true};
  };
  for (std::size_t begin = 0; begin < text.size(); begin += one_character(text, begin)) {
    const std::size_t one = one_character(text, begin);
    bool has_one = false;
    for (std::size_t n = one; n <= std::min(longest_piece_, text.size() - begin);) {
      const std::string piece = text.substr(begin, n);
      const int id = find(piece);
      if (id != kUnknown) {
        const bool is_whole = user_defined_.count(piece) > 0;
        reach(begin, begin + n,
              is_whole ? static_cast<double>(static_cast<float>(n) * highest_score_) - 0.1
                       : static_cast<double>(scores_[static_cast<std::size_t>(id)]));
        has_one = has_one || n == one;
      }
      if (begin + n == text.size()) break;
      n += one_character(text, begin + n);
    }
    if (!has_one) reach(begin, begin + one, static_cast<double>(lowest_score_ - kUnknownPenalty));
  }
  std::vector<std::string> result;
  for (std::size_t end = text.size(); end > 0; end = best[end].begin) {
    result.push_back(text.substr(best[end].begin, end - best[end].begin));
  }
  std::reverse(result.begin(), result.end());
  return result;
}

}  // namespace fastctc
