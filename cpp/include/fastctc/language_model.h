// Back-off n-gram language models.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "fastctc/export.h"

namespace fastctc {

// An n-gram model of any order over words or tokens, immutable and safe from any thread.
//
//   ln P(w | h) = ln p(h w)                      if the model holds h w
//               = ln b(h) + ln P(w | h')         else, h' being h without its first word (Katz back-off, as ARPA files
//                                                write it; b is 1 where the model holds no h)
//
// A state is the longest end of the history that the model holds as a context: one integer, so equal states have equal
// futures, whatever the order.
class FASTCTC_API LanguageModel {
 public:
  using State = std::uint32_t;
  using WordId = std::uint32_t;
  static constexpr WordId kUnknown = 0;  // <unk>; a model without it gives unknown words a log-prob of -100 ln 10

  // Reads ARPA (plain or gzip, UTF-8) or fastctc's binary form (memory-mapped), told apart by content. Raises
  // ModelNotFoundError; ModelError that names file and line of what is wrong, and on KenLM's binary forms what to
  // convert them with. A gzip file needs zlib on the system at run time. `progress` is called while ARPA is read, with
  // the part that is done, 0 to 1; what it throws passes through.
  static std::shared_ptr<const LanguageModel> read(const std::string& path,
                                                   const std::function<void(double)>& progress = {});
  // Writes the binary form; the file appears whole or not at all.
  void write(const std::string& path) const;

  ~LanguageModel();
  LanguageModel(const LanguageModel&) = delete;
  LanguageModel& operator=(const LanguageModel&) = delete;

  std::size_t order() const;
  std::size_t n_words() const;               // <unk>, <s> and </s> included
  std::size_t n_grams(std::size_t n) const;  // of order n, from 1; as in the ARPA file
  std::size_t n_states() const;
  std::size_t n_bytes() const;                               // of the binary form
  WordId find(const char* word, std::size_t n_bytes) const;  // kUnknown where it isn't there
  std::string word(WordId id) const;                         // raises OptionError on an id out of range

  State start() const;  // after <s>
  State empty() const;  // no history
  // Natural logarithm of the probability of the word after `state`, and the state that follows.
  float score(State state, WordId word, State* next) const;
  float score_end(State state) const;  // of </s>

 private:
  struct Impl;
  explicit LanguageModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fastctc
