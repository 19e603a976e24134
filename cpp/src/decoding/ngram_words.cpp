#include "decoding/ngram_words.h"

namespace fastctc {

// FNV-1a, 64 bits, and a last mixing: short words differ in their low bits then. Part of the binary form.
std::uint64_t hash_word(std::string_view word) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : word) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash ^ (hash >> 32);
}

std::uint32_t WordView::find(std::string_view wanted) const {
  if (n_slots == 0) return kEmptySlot;
  const std::size_t mask = n_slots - 1;
  std::size_t slot = static_cast<std::size_t>(hash_word(wanted)) & mask;
  // Counted, so that a damaged table without an empty slot ends the search, too.
  for (std::size_t n_tried = 0; n_tried < n_slots; ++n_tried, slot = (slot + 1) & mask) {
    const std::uint32_t id = slots[slot];
    if (id == kEmptySlot || word(id) == wanted) return id;
  }
  return kEmptySlot;
}

WordTable::WordTable() : offsets_(1, 0), slots_(16, kEmptySlot) {}

WordView WordTable::view() const {
  WordView view;
  view.offsets = offsets_.data();
  view.slots = slots_.data();
  view.text = text_.data();
  view.n_words = size();
  view.n_slots = slots_.size();
  return view;
}

std::uint32_t WordTable::insert(std::string_view word) {
  const std::uint32_t found = find(word);
  if (found != kEmptySlot) return found;
  const std::uint32_t id = static_cast<std::uint32_t>(size());
  text_.insert(text_.end(), word.begin(), word.end());
  offsets_.push_back(text_.size());
  if (2 * size() > slots_.size()) {
    slots_.assign(2 * slots_.size(), kEmptySlot);
    for (std::uint32_t other = 0; other < id; ++other) place(other);
  }
  place(id);
  return id;
}

void WordTable::place(std::uint32_t id) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = static_cast<std::size_t>(hash_word(view().word(id))) & mask;
  while (slots_[slot] != kEmptySlot) slot = (slot + 1) & mask;
  slots_[slot] = id;
}

}  // namespace fastctc
