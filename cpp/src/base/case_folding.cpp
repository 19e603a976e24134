#include "base/case_folding.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "base/utf8.h"

namespace fastctc {
namespace {

struct FoldRange {
  std::uint32_t first, last, step;
  int distance;
};
constexpr FoldRange kFoldRanges[] = {
#include "base/case_folding.inc"
};

}  // namespace

std::uint32_t fold_case(std::uint32_t character) {
  const auto found = std::lower_bound(std::begin(kFoldRanges), std::end(kFoldRanges), character,
                                      [](const FoldRange& range, std::uint32_t value) { return range.last < value; });
  if (found == std::end(kFoldRanges) || character < found->first || (character - found->first) % found->step != 0) {
    return character;
  }
  return static_cast<std::uint32_t>(static_cast<int>(character) + found->distance);
}

std::string fold_case(const std::string& text) {
  std::string folded;
  for (std::size_t position = 0; position < text.size();) {
    const std::size_t n_bytes = character_bytes(text, position);
    if (n_bytes == 0) {
      folded += text[position++];
      continue;
    }
    folded += to_utf8(fold_case(code_point(text, position)));
    position += n_bytes;
  }
  return folded;
}

std::vector<std::uint32_t> list_folded() {
  std::vector<std::uint32_t> folded;
  for (const FoldRange& range : kFoldRanges) {
    for (std::uint32_t character = range.first; character <= range.last; character += range.step) {
      folded.push_back(character);
    }
  }
  return folded;
}

}  // namespace fastctc
