#include "decoding/arpa.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <utility>

#include "base/numbers.h"

namespace fastctc {
namespace {

constexpr double kLn10 = 2.302585092994045684;
constexpr double kLargestLog10 = 1e6;
constexpr double kMissingUnknown = -100;  // log10; KenLM's unknown_missing_logprob
constexpr std::uint64_t kMostNgrams = 0xfffffff0u;
constexpr std::size_t kTrustedCount = std::size_t{1} << 20;  // memory is reserved for as many n-grams unseen
constexpr std::size_t kLinesBetweenProgress = std::size_t{1} << 15;
const char kUnknownWord[] = "<unk>";

std::string plural(std::size_t n) { return std::to_string(n) + "-grams"; }

std::uint64_t key(const NgramList& list, std::size_t index) {
  return std::uint64_t{list.parents[index]} << 32 | list.words[index];
}

template <class T>
void permute(std::vector<T>& values, const std::vector<std::uint32_t>& order) {
  std::vector<T> sorted(values.size());
  for (std::size_t index = 0; index < order.size(); ++index) sorted[index] = values[order[index]];
  values = std::move(sorted);
}

// first_childs of the n-grams in `lower`, from the parents of the sorted next order.
void link_children(NgramList& lower, const NgramList& higher) {
  lower.first_childs.assign(lower.size() + 1, 0);
  for (const std::uint32_t parent : higher.parents) ++lower.first_childs[parent + 1];
  std::partial_sum(lower.first_childs.begin(), lower.first_childs.end(), lower.first_childs.begin());
}

// A whole number with blanks around it.
bool parse_count(std::string_view text, std::uint64_t* count) {
  Fields fields(text);
  return parse_number(fields.next(), count) && fields.next().empty();
}

class ArpaReader {
 public:
  ArpaReader(TextLines& lines, const ReadProgress& progress) : lines_(lines), progress_(progress) {}

  NgramTables read() {
    read_counts();
    tables_.orders.resize(counts_.size());
    for (std::size_t n = 1; n <= counts_.size(); ++n) read_section(n);
    if (line_ != "\\end\\") lines_.fail("'" + quote(line_) + "' where \\end\\ is due. Fetch or make the file again.");
    if (next_filled()) lines_.fail("text after \\end\\. A file holds one model.");
    return std::move(tables_);
  }

 private:
  struct Count {
    std::size_t n = 0;
    std::size_t line = 0;
  };
  struct Values {
    float ln_prob = 0;
    float ln_backoff = 0;
  };

  // The next line that isn't blank, without blanks around it; false at the end of the file.
  bool next_filled() {
    line_ = {};
    while (lines_.next(&line_)) {
      while (!line_.empty() && (line_.back() == ' ' || line_.back() == '\t')) line_.remove_suffix(1);
      while (!line_.empty() && (line_.front() == ' ' || line_.front() == '\t')) line_.remove_prefix(1);
      if (!line_.empty()) return true;
    }
    return false;
  }

  void read_counts() {
    // What stands before \data\ is a comment.
    do {
      if (!next_filled()) {
        lines_.fail(lines_.number() + 1,
                    "no line \\data\\ up to here: this is no ARPA file. Give one, or what fastctc lm build made.");
      }
    } while (line_ != "\\data\\");
    while (next_filled() && line_.substr(0, 6) == "ngram ") add_count(line_.substr(6));
    if (counts_.empty()) {
      lines_.fail(lines_.number() + line_.empty(), "no line `ngram 1=COUNT` after \\data\\.");
    }
  }

  void add_count(std::string_view text) {
    const std::size_t equals = text.find('=');
    std::uint64_t order = 0;
    std::uint64_t count = 0;
    if (equals == std::string_view::npos || !parse_count(text.substr(0, equals), &order) ||
        !parse_count(text.substr(equals + 1), &count)) {
      lines_.fail("'" + quote(line_) + "' is no `ngram N=COUNT`.");
    }
    if (order != counts_.size() + 1) {
      lines_.fail("'" + quote(line_) + "' where the count of " + plural(counts_.size() + 1) +
                  " is due. Give every order from 1 on.");
    }
    if (counts_.size() == kHighestOrder) {
      lines_.fail("an order above " + std::to_string(kHighestOrder) +
                  ", the highest that is supported. Prune the model to fewer.");
    }
    if (count > kMostNgrams) {
      lines_.fail("more n-grams of an order than are supported, " + std::to_string(kMostNgrams) + ".");
    }
    counts_.push_back({static_cast<std::size_t>(count), lines_.number()});
  }

  void read_section(std::size_t n) {
    const std::string mark = "\\" + plural(n) + ":";
    if (line_.empty()) {
      lines_.fail(lines_.number() + 1,
                  "the file ends where " + mark + " is due: it is cut off. Fetch or make it again.");
    }
    if (line_ != mark) lines_.fail("'" + quote(line_) + "' where " + mark + " is due. Put the sections in order.");
    const Count count = counts_[n - 1];
    first_line_ = lines_.number() + 1;
    reserve(tables_.orders[n - 1], std::min(count.n, kTrustedCount));
    if (n == 1) begin_unigrams();
    previous_ids_.assign(n, 0);
    positions_.assign(n, 0);
    n_known_ = 0;
    for (std::size_t index = 0; index < count.n; ++index) {
      if (progress_ && index % kLinesBetweenProgress == 0) progress_(lines_.progress());
      next_ngram(n, count, index);
      n == 1 ? read_unigram() : read_ngram(n);
    }
    if (!next_filled()) {
      lines_.fail(lines_.number() + 1,
                  "the file ends after its " + plural(n) +
                      ", without \\end\\: it is cut off, or a section is missing. Fetch or make it again.");
    }
    if (line_.front() != '\\') {
      lines_.fail("more " + plural(n) + " than the " + std::to_string(count.n) + " that line " +
                  std::to_string(count.line) + " announces. Correct the count, or make the file again.");
    }
    n == 1 ? end_unigrams() : sort(n);
  }

  void next_ngram(std::size_t n, const Count& count, std::size_t n_read) {
    const bool there = lines_.next(&line_);
    const auto so_far = [&]() {
      return " after " + std::to_string(n_read) + " " + plural(n) + ", but line " + std::to_string(count.line) +
             " announces " + std::to_string(count.n) + ". ";
    };
    if (!there) lines_.fail(lines_.number() + 1, "the file ends" + so_far() + "It is cut off.");
    const std::string_view first = Fields(line_).next();
    if (first.empty() || first.front() == '\\')
      lines_.fail("the section ends" + so_far() + "The counts are wrong: correct them, or make the file again.");
  }

  static void reserve(NgramList& list, std::size_t n) {
    list.parents.reserve(n);
    list.words.reserve(n);
    list.ln_probs.reserve(n);
    list.ln_backoffs.reserve(n);
  }

  void begin_unigrams() {
    tables_.words.insert(kUnknownWord);
    add(1, 0, 0, {static_cast<float>(kMissingUnknown * kLn10), 0});
    line_of_word_.assign(1, 0);
  }

  void read_unigram() {
    Fields fields(line_);
    const double log10_prob = read_prob(fields.next());
    std::string_view word = fields.next();
    if (word.empty()) lines_.fail("no word after the log-prob.");
    if (word == "<UNK>") word = kUnknownWord;
    const Values values = read_values(log10_prob, fields, 1);
    const std::uint32_t id = tables_.words.insert(word);
    if (id < line_of_word_.size() && line_of_word_[id] != 0) {
      lines_.fail("the 1-gram '" + quote(word) + "' is on line " + std::to_string(line_of_word_[id]) + " too.");
    }
    if (id == 0) {
      tables_.has_unknown = true;
      tables_.orders[0].ln_probs[0] = values.ln_prob;
      tables_.orders[0].ln_backoffs[0] = values.ln_backoff;
      line_of_word_[0] = lines_.number();
    } else {
      add(1, 0, id, values);
      line_of_word_.push_back(lines_.number());
    }
  }

  void end_unigrams() {
    for (const char* word : {"<s>", "</s>"}) {
      if (tables_.words.find(word) == kEmptySlot) {
        lines_.fail(first_line_ - 1, std::string("the 1-grams lack ") + word + ", the " +
                                         (word[1] == '/' ? "end" : "start") +
                                         " of a sentence. Give it a log-prob; -99 if it never occurs.");
      }
    }
    line_of_word_ = {};
  }

  void read_ngram(std::size_t n) {
    Fields fields(line_);
    const double log10_prob = read_prob(fields.next());
    for (std::size_t k = 0; k < n; ++k) {
      const std::string_view word = fields.next();
      // Files are mostly sorted: a comparison is cheaper than to look the word up.
      if (k < n_known_ && word == tables_.words.view().word(previous_ids_[k])) continue;
      const std::uint32_t id = read_word(word, n);
      n_known_ = k;  // what follows it is looked up anew
      previous_ids_[k] = id;
      if (k + 1 == n) break;
      positions_[k] = k == 0 ? id : find_child(k, positions_[k - 1], id, n);
      n_known_ = k + 1;
    }
    add(n, positions_[n - 2], previous_ids_[n - 1], read_values(log10_prob, fields, n));
  }

  std::uint32_t read_word(std::string_view word, std::size_t n) {
    if (word.empty()) lines_.fail("fewer than " + std::to_string(n) + " words.");
    std::uint32_t id = tables_.words.find(word);
    if (id == kEmptySlot && word == "<UNK>") id = 0;
    if (id == kEmptySlot || (id == 0 && !tables_.has_unknown)) {
      lines_.fail("the word '" + quote(word) + "' is no 1-gram of this file.");
    }
    return id;
  }

  // Position in order k + 1 of the k-gram `parent` and the word.
  std::uint32_t find_child(std::size_t k, std::uint32_t parent, std::uint32_t word, std::size_t n) {
    const std::vector<std::uint32_t>& first_childs = tables_.orders[k - 1].first_childs;
    const std::vector<std::uint32_t>& words = tables_.orders[k].words;
    const auto begin = words.begin() + first_childs[parent];
    const auto end = words.begin() + first_childs[parent + 1];
    const auto found = std::lower_bound(begin, end, word);
    if (found != end && *found == word) return static_cast<std::uint32_t>(found - words.begin());
    std::string context;
    for (std::size_t position = 0; position <= k; ++position) {
      context += (position == 0 ? "" : " ") + std::string(tables_.words.view().word(previous_ids_[position]));
    }
    lines_.fail("its first words, '" + quote(context) + "', are no " + std::to_string(k + 1) + "-gram of this file, " +
                "so that nothing leads to this " + std::to_string(n) + "-gram.");
  }

  double read_prob(std::string_view text) {
    double log10_prob = 0;
    if (!parse_number(text, &log10_prob))
      lines_.fail("'" + quote(text) + "' is no log-prob. A line is LOG10-PROB WORDS BACK-OFF; is it cut off?");
    if (log10_prob > 0) lines_.fail("the log-prob " + quote(text) + " is above 0.");
    return log10_prob;
  }

  // What follows the words of an n-gram: its back-off weight, or nothing.
  Values read_values(double log10_prob, Fields& fields, std::size_t n) {
    const std::string_view text = fields.next();
    double log10_backoff = 0;
    if (!text.empty() && !parse_number(text, &log10_backoff)) {
      lines_.fail("'" + quote(text) + "' is no back-off weight" +
                  (n > 1 ? " (more than " + std::to_string(n) + " words?)." : "."));
    }
    if (!fields.next().empty()) lines_.fail("more fields than a log-prob, words and a back-off weight.");
    if (n == counts_.size() && log10_backoff != 0) {
      lines_.fail("a back-off weight in the highest order, where nothing backs off.");
    }
    if (log10_prob < -kLargestLog10 || std::abs(log10_backoff) > kLargestLog10) {
      lines_.fail("a number beyond a million, which is no logarithm of a probability.");
    }
    return {static_cast<float>(log10_prob * kLn10), static_cast<float>(log10_backoff * kLn10)};
  }

  void add(std::size_t n, std::uint32_t parent, std::uint32_t word, Values values) {
    NgramList& list = tables_.orders[n - 1];
    list.parents.push_back(parent);
    list.words.push_back(word);
    list.ln_probs.push_back(values.ln_prob);
    list.ln_backoffs.push_back(values.ln_backoff);
  }

  // Names the first line that is there already.
  void fail_on_duplicates(std::size_t n, const std::vector<std::uint32_t>& order) {
    const NgramList& list = tables_.orders[n - 1];
    std::size_t first = 0;
    for (std::size_t index = 1; index < order.size(); ++index) {
      const bool is_duplicate = key(list, order[index - 1]) == key(list, order[index]);
      if (is_duplicate && (first == 0 || order[index] < order[first])) first = index;
    }
    if (first == 0) return;
    lines_.fail(first_line_ + order[first], "this " + std::to_string(n) + "-gram is on line " +
                                                std::to_string(first_line_ + order[first - 1]) + " too.");
  }

  void sort(std::size_t n) {
    NgramList& list = tables_.orders[n - 1];
    bool is_sorted = true;
    for (std::size_t index = 1; index < list.size(); ++index) {
      is_sorted = is_sorted && key(list, index - 1) < key(list, index);
    }
    if (!is_sorted) {
      std::vector<std::uint32_t> order(list.size());
      std::iota(order.begin(), order.end(), 0u);
      std::sort(order.begin(), order.end(), [&](std::uint32_t left, std::uint32_t right) {
        return std::tie(list.parents[left], list.words[left], left) <
               std::tie(list.parents[right], list.words[right], right);
      });
      fail_on_duplicates(n, order);
      permute(list.parents, order);
      permute(list.words, order);
      permute(list.ln_probs, order);
      permute(list.ln_backoffs, order);
    }
    link_children(tables_.orders[n - 2], list);
  }

  TextLines& lines_;
  const ReadProgress& progress_;
  NgramTables tables_;
  std::vector<Count> counts_;
  std::string_view line_;
  std::size_t first_line_ = 0;               // of the section's n-grams
  std::vector<std::size_t> line_of_word_;    // [n_words], 0: none
  std::vector<std::uint32_t> previous_ids_;  // of the n-gram before
  std::vector<std::uint32_t> positions_;     // of its first k words in order k
  std::size_t n_known_ = 0;                  // how many of them are looked up
};

}  // namespace

NgramTables read_arpa(TextLines& lines, const ReadProgress& progress) { return ArpaReader(lines, progress).read(); }

}  // namespace fastctc
