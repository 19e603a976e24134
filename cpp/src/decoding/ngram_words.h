// The words of a language model: text by id and id by text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fastctc {

// Slots of an open-addressed table of word ids, a power of two: the id of a word stands at its hash or, where that is
// taken, in the next free slot after it.
constexpr std::uint32_t kEmptySlot = 0xffffffffu;
std::uint64_t hash_word(std::string_view word);

// The tables in memory that someone else owns; see language_model_image.h.
struct WordView {
  const std::uint64_t* offsets = nullptr;  // [n_words + 1], of text
  const std::uint32_t* slots = nullptr;    // [n_slots]
  const char* text = nullptr;
  std::size_t n_words = 0;
  std::size_t n_slots = 0;

  std::string_view word(std::uint32_t id) const {
    return std::string_view(text + offsets[id], static_cast<std::size_t>(offsets[id + 1] - offsets[id]));
  }
  // kEmptySlot where it isn't there.
  std::uint32_t find(std::string_view wanted) const;
};

// The same tables while they grow.
class WordTable {
 public:
  WordTable();
  // The id of the word, a new one where it is new.
  std::uint32_t insert(std::string_view word);
  std::uint32_t find(std::string_view word) const { return view().find(word); }
  std::size_t size() const { return offsets_.size() - 1; }
  WordView view() const;

  const std::vector<std::uint64_t>& offsets() const { return offsets_; }
  const std::vector<std::uint32_t>& slots() const { return slots_; }
  const std::vector<char>& text() const { return text_; }

 private:
  void place(std::uint32_t id);
  std::vector<std::uint64_t> offsets_;
  std::vector<std::uint32_t> slots_;
  std::vector<char> text_;
};

}  // namespace fastctc
