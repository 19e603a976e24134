#include "fastctc/lexicon.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/byte_source.h"
#include "base/numbers.h"
#include "base/text_lines.h"
#include "decoding/lexicon_lines.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

constexpr std::size_t kMostNodes = 0xfffffff0u;
constexpr std::size_t kMostNamedPieces = 10;

using PieceIds = std::unordered_map<std::string, int>;

PieceIds ids_of_pieces(const Vocabulary& vocabulary) {
  PieceIds ids;
  for (std::size_t id = 0; id < vocabulary.size(); ++id) {
    if (static_cast<int>(id) != vocabulary.blank_id()) ids.emplace(vocabulary.pieces()[id], static_cast<int>(id));
  }
  return ids;
}

// Pieces that a lexicon names and the vocabulary lacks, each with the first line that names it.
class UnknownPieces {
 public:
  void add(std::string_view piece, std::size_t line) {
    if (!known_.emplace(std::string(piece), true).second) return;
    ++n_;
    if (n_ > kMostNamedPieces) return;
    named_ += (named_.empty() ? "'" : ", '") + quote(piece) + "' (line " + std::to_string(line) + ")";
    if (first_line_ == 0) first_line_ = line;
  }
  bool empty() const { return n_ == 0; }
  std::size_t first_line() const { return first_line_; }
  std::string text() const {
    return n_ > kMostNamedPieces ? named_ + " and " + std::to_string(n_ - kMostNamedPieces) + " more" : named_;
  }

 private:
  std::unordered_map<std::string, bool> known_;
  std::string named_;
  std::size_t n_ = 0;
  std::size_t first_line_ = 0;
};

// Some pieces of the vocabulary, for the message about those that it lacks.
std::string examples(const Vocabulary& vocabulary) {
  std::string text;
  for (std::size_t id = 0, n = 0; id < vocabulary.size() && n < kMostNamedPieces; ++id) {
    if (static_cast<int>(id) == vocabulary.blank_id()) continue;
    text += (n++ == 0 ? "'" : ", '") + quote(vocabulary.pieces()[id]) + "'";
  }
  return text;
}

std::vector<LexiconEntry> read_entries(TextLines& lines, const Vocabulary& vocabulary, int word_end_id) {
  const PieceIds ids = ids_of_pieces(vocabulary);
  std::vector<LexiconEntry> entries;
  UnknownPieces unknown;
  std::string_view line;
  while (lines.next(&line)) {
    Fields fields(line);
    const std::string_view word = fields.next();
    if (word.empty()) continue;
    LexiconEntry entry;
    entry.word = std::string(word);
    for (std::string_view piece = fields.next(); !piece.empty(); piece = fields.next()) {
      const auto found = ids.find(std::string(piece));
      double probability = 0;
      if (found != ids.end()) {
        entry.token_ids.push_back(found->second);
      } else if (entry.token_ids.empty() && piece.find('.') != std::string_view::npos &&
                 parse_number(piece, &probability)) {
        lines.fail("'" + quote(piece) + "' after the word looks like a probability, and lexicons with probabilities " +
                   "are not supported. Leave the column out: `word piece piece ...`.");
      } else {
        unknown.add(piece, lines.number());
        entry.token_ids.push_back(-1);
      }
    }
    if (entry.token_ids.empty()) lines.fail("no spelling after the word '" + quote(word) + "'.");
    if (word_end_id >= 0 && entry.token_ids.back() != word_end_id) entry.token_ids.push_back(word_end_id);
    entries.push_back(std::move(entry));
  }
  if (!unknown.empty()) {
    lines.fail(unknown.first_line(), "the model's vocabulary lacks pieces of the lexicon: " + unknown.text() +
                                         ". Its own are like " + examples(vocabulary) +
                                         ". Spell the words in them: `word piece piece ...`.");
  }
  return entries;
}

// What is wrong with an entry; empty: nothing.
std::string find_fault(const LexiconEntry& entry, std::size_t n_tokens) {
  if (entry.word.empty()) return "has no word";
  if (entry.token_ids.empty()) return "('" + entry.word + "') has no tokens";
  for (const int id : entry.token_ids) {
    if (id >= 0 && static_cast<std::size_t>(id) < n_tokens) continue;
    return "('" + entry.word + "') has the token id " + std::to_string(id) + ", but ids run from 0 to " +
           std::to_string(n_tokens == 0 ? 0 : n_tokens - 1);
  }
  return "";
}

}  // namespace

struct Lexicon::Impl {
  std::vector<std::string> words;
  // Children of a node follow each other, by token: those of node i are first_child[i] to first_child[i + 1].
  std::vector<Node> first_child;
  std::vector<int> token_ids;             // [n_nodes] that leads here
  std::vector<std::uint32_t> first_word;  // [n_nodes + 1], of words_at
  std::vector<std::uint32_t> words_at;
  std::size_t n_tokens = 0;
  OutOfLexicon out_of_lexicon = OutOfLexicon::forbid;

  struct Spelling {
    std::vector<int> token_ids;
    std::uint32_t word = 0;
    bool operator<(const Spelling& other) const {
      return token_ids != other.token_ids ? token_ids < other.token_ids : word < other.word;
    }
    bool operator==(const Spelling& other) const { return token_ids == other.token_ids && word == other.word; }
  };

  // Breadth first over the sorted spellings, so that children follow each other.
  void build(const std::vector<Spelling>& spellings) {
    struct Range {
      std::size_t begin, end;  // of spellings that start with the node's tokens
      std::size_t depth;
    };
    std::vector<Range> ranges = {{0, spellings.size(), 0}};
    token_ids.push_back(-1);
    for (std::size_t node = 0; node < ranges.size(); ++node) {
      Range range = ranges[node];
      first_child.push_back(static_cast<Node>(token_ids.size()));
      first_word.push_back(static_cast<std::uint32_t>(words_at.size()));
      for (; range.begin < range.end && spellings[range.begin].token_ids.size() == range.depth; ++range.begin) {
        words_at.push_back(spellings[range.begin].word);
      }
      while (range.begin < range.end) {
        const int token_id = spellings[range.begin].token_ids[range.depth];
        std::size_t end = range.begin;
        while (end < range.end && spellings[end].token_ids[range.depth] == token_id) ++end;
        ranges.push_back({range.begin, end, range.depth + 1});
        token_ids.push_back(token_id);
        range.begin = end;
      }
      if (token_ids.size() > kMostNodes) throw OptionError("The lexicon is too large: more than 4,294,967,280 nodes.");
    }
    first_child.push_back(static_cast<Node>(token_ids.size()));
    first_word.push_back(static_cast<std::uint32_t>(words_at.size()));
  }
};

Lexicon::Lexicon(std::vector<LexiconEntry> entries, std::size_t n_tokens, OutOfLexicon out_of_lexicon)
    : impl_(std::make_unique<Impl>()) {
  if (entries.empty()) throw OptionError("The lexicon is empty. Give it one word at least.");
  impl_->n_tokens = n_tokens;
  impl_->out_of_lexicon = out_of_lexicon;
  std::unordered_map<std::string, std::uint32_t> positions;
  std::vector<Impl::Spelling> spellings;
  spellings.reserve(entries.size());
  for (std::size_t index = 0; index < entries.size(); ++index) {
    LexiconEntry& entry = entries[index];
    const std::string fault = find_fault(entry, n_tokens);
    if (!fault.empty()) throw OptionError("Entry " + std::to_string(index + 1) + " of the lexicon " + fault + ".");
    const auto inserted = positions.emplace(entry.word, static_cast<std::uint32_t>(impl_->words.size()));
    if (inserted.second) impl_->words.push_back(entry.word);
    spellings.push_back({std::move(entry.token_ids), inserted.first->second});
  }
  std::sort(spellings.begin(), spellings.end());
  spellings.erase(std::unique(spellings.begin(), spellings.end()), spellings.end());
  impl_->build(spellings);
}

std::shared_ptr<const Lexicon> Lexicon::read(const std::string& path, const Vocabulary& vocabulary,
                                             const std::string& word_end, OutOfLexicon out_of_lexicon) {
  const std::string what = "Lexicon '" + path + "'";
  TextLines lines(open_bytes(path, what), what);
  return parse_lexicon(lines, vocabulary, word_end, out_of_lexicon);
}

std::shared_ptr<const Lexicon> parse_lexicon(TextLines& lines, const Vocabulary& vocabulary,
                                             const std::string& word_end, OutOfLexicon out_of_lexicon) {
  int word_end_id = -1;
  if (!word_end.empty()) {
    const PieceIds ids = ids_of_pieces(vocabulary);
    const auto found = ids.find(word_end);
    if (found == ids.end()) {
      throw OptionError("Option word_end is '" + word_end + "', which is no piece of the vocabulary.");
    }
    word_end_id = found->second;
  }
  std::vector<LexiconEntry> entries = read_entries(lines, vocabulary, word_end_id);
  if (entries.empty()) throw ModelError(lines.what() + " is empty. Write `word piece piece ...` on each line.");
  return std::make_shared<const Lexicon>(std::move(entries), vocabulary.size(), out_of_lexicon);
}

Lexicon::~Lexicon() = default;

Lexicon::Node Lexicon::child(Node node, int token_id) const {
  const auto begin = impl_->token_ids.begin() + impl_->first_child[node];
  const auto end = impl_->token_ids.begin() + impl_->first_child[node + 1];
  const auto found = std::lower_bound(begin, end, token_id);
  return found != end && *found == token_id ? static_cast<Node>(found - impl_->token_ids.begin()) : kNone;
}

bool Lexicon::is_leaf(Node node) const { return impl_->first_child[node] == impl_->first_child[node + 1]; }

std::pair<const std::uint32_t*, const std::uint32_t*> Lexicon::words_at(Node node) const {
  const std::uint32_t* words = impl_->words_at.data();
  return {words + impl_->first_word[node], words + impl_->first_word[node + 1]};
}

void Lexicon::visit(const std::function<void(const std::string&, const std::vector<int>&)>& take) const {
  std::vector<std::pair<Node, std::size_t>> open = {{kRoot, 0}};  // nodes and their depths
  std::vector<int> spelling;
  while (!open.empty()) {
    const auto [node, depth] = open.back();
    open.pop_back();
    spelling.resize(depth);
    if (depth > 0) spelling.back() = impl_->token_ids[node];
    const auto words = words_at(node);
    for (auto word = words.first; word != words.second; ++word) take(impl_->words[*word], spelling);
    for (Node child = impl_->first_child[node + 1]; child > impl_->first_child[node]; --child) {
      open.emplace_back(child - 1, depth + 1);
    }
  }
}

std::size_t Lexicon::n_words() const { return impl_->words.size(); }

std::size_t Lexicon::n_nodes() const { return impl_->token_ids.size(); }

const std::string& Lexicon::word(std::uint32_t position) const {
  if (position >= impl_->words.size()) {
    throw OptionError("The lexicon has no word " + std::to_string(position) + "; they run from 0 to " +
                      std::to_string(impl_->words.size() - 1) + ".");
  }
  return impl_->words[position];
}

std::size_t Lexicon::n_tokens() const { return impl_->n_tokens; }

OutOfLexicon Lexicon::out_of_lexicon() const { return impl_->out_of_lexicon; }

}  // namespace fastctc
