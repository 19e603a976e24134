// Any bytes as a model's binary form: whatever passes the checks at loading reads nothing outside of it.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "decoding/language_model_image.h"
#include "fastctc/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy, aligned, and exactly as long as the data, so that the sanitizer sees one byte too far.
  std::vector<char> bytes(size);
  if (size > 0) std::memcpy(bytes.data(), data, size);
  try {
    const fastctc::ImageView view = fastctc::view_image(bytes.data(), bytes.size(), "The image");
    const std::uint32_t n_nodes = static_cast<std::uint32_t>(view.header->n_nodes);
    const std::uint32_t n_words = static_cast<std::uint32_t>(view.header->n_words);
    for (std::uint32_t node = 0; node < n_nodes; ++node) {
      for (std::uint32_t word = 0; word < n_words && word < 64; ++word) {
        std::uint32_t next = 0;
        if (!std::isfinite(fastctc::score(view, node, word, &next)) || next >= n_nodes) std::abort();
      }
    }
    for (std::uint32_t word = 0; word < n_words; ++word) view.words.find(view.words.word(word));
    view.words.find("unheard-of");
    for (std::uint64_t n = 0; n < view.header->order; ++n) {
      volatile std::uint64_t count = view.n_grams[n];
      static_cast<void>(count);
    }
  } catch (const fastctc::ModelError&) {
  }
  return 0;
}
