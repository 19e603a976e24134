#include "fastctc/hot_words.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/utf8.h"
#include "decoding/characters.h"
#include "decoding/phrase_automaton.h"
#include "decoding/spelled_phrases.h"
#include "decoding/spelling.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

using Node = PhraseAutomaton::Node;

constexpr double kLargestBonus = 1e6;
constexpr std::uint64_t kMostStates = 0xffffffffu;

// Beginnings of multi-byte characters that byte pieces may spell and that matter: those of phrases, white space,
// characters that stand alone. 0 is none.
class PartialCharacters {
 public:
  PartialCharacters() : bytes_(1) {}

  void add(const std::string& character) {
    std::uint32_t partial = 0;
    for (std::size_t index = 0; index + 1 < character.size(); ++index) {
      const auto inserted = next_.emplace(std::make_pair(partial, character[index]), bytes_.size());
      if (inserted.second) bytes_.push_back(bytes_[partial] + character[index]);
      partial = inserted.first->second;
    }
  }
  std::size_t size() const { return bytes_.size(); }
  const std::string& bytes(std::uint32_t partial) const { return bytes_[partial]; }
  // 0 where no character that matters goes on so.
  std::uint32_t next(std::uint32_t partial, char byte) const {
    const auto found = next_.find({partial, byte});
    return found == next_.end() ? 0 : found->second;
  }

 private:
  std::vector<std::string> bytes_;
  std::map<std::pair<std::uint32_t, char>, std::uint32_t> next_;
};

// Of white space and characters that stand alone, which every set of phrases needs.
const PartialCharacters& partial_separators() {
  static const PartialCharacters partials = []() {
    PartialCharacters result;
    for (const Symbol character : list_separators()) result.add(to_utf8(character));
    return result;
  }();
  return partials;
}

struct TokenSymbols {
  std::vector<Symbol> symbols;
  int byte = -1;
};

// What is compared with what.
struct Matching {
  bool is_wordpiece = false;
  bool has_bytes = false;
  bool has_boundaries = false;  // else the vocabulary has no space: phrases count wherever they stand
  std::vector<TokenSymbols> tokens;
  std::vector<WeightedPhrase> phrases;
};

// Where a walk over symbols ends and what it is paid.
struct Walk {
  Node node = 0;
  double credit = 0;
};

std::vector<TokenSymbols> symbols_of_tokens(const Vocabulary& vocabulary, bool ignore_case) {
  std::vector<TokenSymbols> tokens(vocabulary.size());
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    const Vocabulary::TokenText text = vocabulary.token_text(static_cast<int>(id));
    tokens[id].byte = text.byte;
    append(tokens[id].symbols, text.text, ignore_case);
  }
  return tokens;
}

// Symbols of a phrase without boundaries at its ends.
std::vector<Symbol> symbols_of_phrase(const std::string& text, bool ignore_case) {
  std::vector<Symbol> symbols;
  append(symbols, text, ignore_case);
  if (!symbols.empty() && symbols.back() == kBoundary) symbols.pop_back();
  if (!symbols.empty() && symbols.front() == kBoundary) symbols.erase(symbols.begin());
  return symbols;
}

void check(const HotPhrase& phrase, std::size_t index) {
  const std::string where = "Hot phrase " + std::to_string(index + 1);
  if (find_invalid_utf8(phrase.text) < phrase.text.size()) throw OptionError(where + " is not UTF-8.");
  if (symbols_of_phrase(phrase.text, false).empty()) throw OptionError(where + " is empty.");
  if (phrase.text.find("\xEF\xBF\xBD") != std::string::npos) {
    throw OptionError(where + ", '" + phrase.text + "', holds U+FFFD, which stands for damaged text.");
  }
  if (!std::isfinite(phrase.bonus) || std::abs(phrase.bonus) > kLargestBonus) {
    throw OptionError("The bonus of hot phrase '" + phrase.text + "' must be a number from -1e6 to 1e6.");
  }
}

bool any_boundary(const std::vector<TokenSymbols>& tokens) {
  return std::any_of(tokens.begin(), tokens.end(), [](const TokenSymbols& token) {
    return std::find(token.symbols.begin(), token.symbols.end(), kBoundary) != token.symbols.end();
  });
}

void put_between_boundaries(std::vector<Symbol>& symbols) {
  symbols.insert(symbols.begin(), kBoundary);
  symbols.push_back(kBoundary);
}

// In characters. Raises OptionError on phrases that can't be spelled.
Matching match_characters(const Vocabulary& vocabulary, const std::vector<HotPhrase>& phrases, bool ignore_case) {
  Matching result;
  result.is_wordpiece = vocabulary.style() == TextStyle::wordpiece;
  result.tokens = symbols_of_tokens(vocabulary, ignore_case);
  std::vector<bool> bytes(256, false);
  std::vector<std::vector<Symbol>> pieces;
  for (const TokenSymbols& token : result.tokens) {
    if (token.byte >= 0) bytes[static_cast<std::size_t>(token.byte)] = result.has_bytes = true;
    pieces.push_back(token.symbols);
  }
  result.has_boundaries = result.is_wordpiece || result.has_bytes || any_boundary(result.tokens);
  // A text of word pieces can't start with one that continues a word.
  const Spelling spelling(pieces, bytes, !result.is_wordpiece);
  std::string gaps;
  for (const HotPhrase& phrase : phrases) {
    WeightedPhrase weighted{symbols_of_phrase(phrase.text, ignore_case), phrase.bonus};
    if (result.has_boundaries) put_between_boundaries(weighted.symbols);
    const std::string gap = spelling.find_gap(weighted.symbols);
    if (!gap.empty()) gaps += (gaps.empty() ? "'" : "; '") + phrase.text + "' (" + gap + ")";
    result.phrases.push_back(std::move(weighted));
  }
  if (!gaps.empty()) throw OptionError("The model's vocabulary can't spell these hot phrases: " + gaps + ".");
  return result;
}

// In tokens, as a lexicon spells its words. Raises OptionError on other words.
Matching match_spellings(const Vocabulary& vocabulary, const std::vector<HotPhrase>& phrases, bool ignore_case,
                         const Lexicon& lexicon) {
  Matching result;
  SpelledPhrases spelled = spell_phrases(vocabulary, phrases, ignore_case, lexicon);
  for (std::vector<Symbol>& symbols : spelled.tokens) result.tokens.push_back({std::move(symbols), -1});
  result.has_boundaries = any_boundary(result.tokens);
  result.phrases = std::move(spelled.phrases);
  if (result.has_boundaries) {
    for (WeightedPhrase& phrase : result.phrases) put_between_boundaries(phrase.symbols);
  }
  return result;
}

Matching match(const Vocabulary& vocabulary, const std::vector<HotPhrase>& phrases, bool ignore_case,
               const Lexicon* lexicon) {
  for (std::size_t index = 0; index < phrases.size(); ++index) check(phrases[index], index);
  const bool is_closed = lexicon != nullptr && lexicon->out_of_lexicon() == OutOfLexicon::forbid;
  return is_closed ? match_spellings(vocabulary, phrases, ignore_case, *lexicon)
                   : match_characters(vocabulary, phrases, ignore_case);
}

}  // namespace

struct HotWords::Impl {
  Impl(const Vocabulary& vocabulary, const std::vector<HotPhrase>& phrases, bool fold, Matching matching)
      : ignore_case(fold),
        is_wordpiece(matching.is_wordpiece),
        n_phrases(phrases.size()),
        tokens(std::move(matching.tokens)),
        has_bytes(matching.has_bytes),
        has_boundaries(matching.has_boundaries),
        automaton(std::move(matching.phrases)) {
    start_node = has_boundaries ? automaton.next(0, kBoundary) : 0;
    if (has_bytes) find_partial_characters(phrases);
    const std::uint64_t n_states = std::uint64_t{automaton.n_nodes()} * std::max<std::size_t>(partials.size(), 2);
    if (n_states >= kMostStates) throw OptionError("The hot phrases have too many characters together.");
    for (std::size_t id = 0; id < tokens.size(); ++id) {
      const std::vector<Symbol>& symbols = tokens[id].symbols;
      from_none.push_back(walk(0, symbols.begin(), symbols.end()));
      from_start.push_back(walk(start_node, symbols.begin(), symbols.end()));
      if (is_wordpiece) keep_first_surface(vocabulary, static_cast<int>(id));
    }
    find_max_delta();
  }

  void find_partial_characters(const std::vector<HotPhrase>& phrases) {
    std::vector<Symbol> wanted;
    for (const HotPhrase& phrase : phrases) append(wanted, phrase.text, ignore_case);
    std::sort(wanted.begin(), wanted.end());
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    partials = partial_separators();
    for (const Symbol character : wanted) partials.add(to_utf8(character));
    if (!ignore_case) return;
    for (const Symbol character : list_folded()) {
      if (std::binary_search(wanted.begin(), wanted.end(), fold_case(character))) partials.add(to_utf8(character));
    }
  }

  // A text of word pieces that starts with "##ty" starts with "##ty".
  void keep_first_surface(const Vocabulary& vocabulary, int id) {
    std::vector<Symbol> symbols;
    const std::string& piece = vocabulary.piece(id);
    const bool continues = piece.compare(0, 2, "##") == 0;
    append(symbols, continues ? piece : vocabulary.token_text(id).text, ignore_case);
    first.push_back(walk(start_node, symbols.begin(), symbols.end()));
    max_delta = std::max(max_delta, first.back().credit + automaton.potential(first.back().node));
    is_silent.push_back(symbols.empty());
  }

  // A bound: the sum of what a token's symbols earn at most; bytes end what they broke off, and a character.
  void find_max_delta() {
    const std::vector<std::pair<Symbol, double>> most = automaton.most_earned();
    const auto earned = [&](Symbol symbol) {
      const auto found = std::lower_bound(most.begin(), most.end(), std::make_pair(symbol, -1.0));
      return found != most.end() && found->first == symbol ? found->second : 0.0;
    };
    const auto bound = [&](const std::vector<Symbol>& symbols) {
      double sum = 0;
      for (const Symbol symbol : symbols) sum += earned(symbol);
      max_delta = std::max(max_delta, sum);
    };
    for (const TokenSymbols& token : tokens) bound(token.symbols);
    if (!has_bytes) return;
    double highest = 0;
    for (const auto& entry : most) highest = std::max(highest, entry.second);
    max_delta = std::max(max_delta, highest + 2 * earned(kBoundary));
  }

  template <class Iterator>
  Walk walk(Node node, Iterator begin, Iterator end) const {
    Walk result{node, 0};
    for (; begin != end; ++begin) {
      const Node next = automaton.next(result.node, *begin);
      const bool stays = *begin == kBoundary && automaton.ends_in_boundary(result.node);
      if (!stays) result.credit += automaton.credit(next);
      result.node = next;
    }
    return result;
  }

  // A token's text from any node. Where the first symbol leads nowhere, the node doesn't matter.
  Walk take_text(Node node, std::size_t id) const {
    if (node == 0) return from_none[id];
    if (node == start_node) return from_start[id];
    const std::vector<Symbol>& symbols = tokens[id].symbols;
    if (symbols.empty()) return {node, 0};
    if (!(symbols[0] == kBoundary && automaton.ends_in_boundary(node))) {
      Node end = node;
      while (end != 0 && automaton.child(end, symbols[0]) == 0) end = automaton.fail(end);
      if (end == 0) return from_none[id];
    }
    return walk(node, symbols.begin(), symbols.end());
  }

  // What follows a character that never was completed: U+FFFD.
  Node flush(Node node, std::uint32_t partial) const { return partial == 0 ? node : automaton.next(node, kOther); }

  // One more byte of a run of them.
  Walk take_byte(Node node, std::uint32_t* partial, char byte) const {
    const std::string bytes = partials.bytes(*partial) + byte;
    const std::uint32_t longer = partials.next(*partial, byte);
    if (longer != 0) {
      *partial = longer;
      return {node, 0};
    }
    if (character_bytes(bytes, 0) != bytes.size()) {
      if (*partial != 0) {  // it broke off; the byte may start another
        *partial = 0;
        return take_byte(automaton.next(node, kOther), partial, byte);
      }
      return {automaton.next(node, kOther), 0};
    }
    *partial = 0;
    std::vector<Symbol> symbols;
    append(symbols, bytes, ignore_case);
    return walk(node, symbols.begin(), symbols.end());
  }

  bool ignore_case;
  bool is_wordpiece;
  std::size_t n_phrases;
  std::vector<TokenSymbols> tokens;
  bool has_bytes;
  bool has_boundaries;
  PhraseAutomaton automaton;
  Node start_node = 0;
  PartialCharacters partials;
  std::vector<Walk> from_none;   // [n_tokens] of the token's text from node 0
  std::vector<Walk> from_start;  // and from the start of a word
  std::vector<Walk> first;       // [n_tokens] of word pieces, at the start of an utterance
  std::vector<bool> is_silent;   // whether the utterance still starts after them
  double max_delta = 0;
};

// A state is a node + n_nodes * what is pending: the bytes of an unfinished character or, of word pieces, 1 while the
// utterance has no text.
HotWords::HotWords(const Vocabulary& vocabulary, const std::vector<HotPhrase>& phrases, bool ignore_case,
                   const Lexicon* lexicon)
    : impl_(
          std::make_unique<Impl>(vocabulary, phrases, ignore_case, match(vocabulary, phrases, ignore_case, lexicon))) {}

HotWords::~HotWords() = default;

HotWords::State HotWords::start() const {
  const std::uint32_t n_nodes = static_cast<std::uint32_t>(impl_->automaton.n_nodes());
  return impl_->start_node + (impl_->is_wordpiece ? n_nodes : 0);
}

HotWords::State HotWords::step(State state, int token_id, double* delta) const {
  const PhraseAutomaton& automaton = impl_->automaton;
  const std::uint32_t n_nodes = static_cast<std::uint32_t>(automaton.n_nodes());
  const std::size_t id = static_cast<std::size_t>(token_id);
  const Node before = state < n_nodes ? state : state % n_nodes;
  std::uint32_t pending = state < n_nodes ? 0 : state / n_nodes;
  Walk walk;
  if (impl_->is_wordpiece && pending != 0) {
    walk = impl_->first[id];
    pending = impl_->is_silent[id];
  } else if (impl_->tokens[id].byte >= 0) {
    walk = impl_->take_byte(before, &pending, static_cast<char>(impl_->tokens[id].byte));
  } else {
    walk = impl_->take_text(impl_->flush(before, pending), id);
    pending = 0;
  }
  *delta = walk.credit + automaton.potential(walk.node) - automaton.potential(before);
  return walk.node + n_nodes * pending;
}

double HotWords::finish(State state) const {
  const PhraseAutomaton& automaton = impl_->automaton;
  const std::uint32_t n_nodes = static_cast<std::uint32_t>(automaton.n_nodes());
  const Node before = state % n_nodes;
  const std::uint32_t pending = state / n_nodes;
  const Node node = impl_->is_wordpiece ? before : impl_->flush(before, pending);
  const bool ends_word = impl_->has_boundaries && !automaton.ends_in_boundary(node);
  const double credit = ends_word ? automaton.credit(automaton.next(node, kBoundary)) : 0;
  return credit - automaton.potential(before);
}

double HotWords::max_delta() const { return impl_->max_delta; }

std::size_t HotWords::n_states() const {
  const std::size_t n_pending = impl_->is_wordpiece ? 2 : impl_->partials.size();
  return impl_->automaton.n_nodes() * n_pending;
}

std::size_t HotWords::n_tokens() const { return impl_->tokens.size(); }

std::size_t HotWords::n_phrases() const { return impl_->n_phrases; }

}  // namespace fastctc
