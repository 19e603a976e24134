// Any bytes as an ARPA file: they are read or refused with a ModelError; what is read is a sound model.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "base/byte_source.h"
#include "base/text_lines.h"
#include "decoding/arpa.h"
#include "decoding/language_model_image.h"
#include "fastctc/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const char* bytes = reinterpret_cast<const char*>(data);
    fastctc::TextLines lines(std::make_unique<fastctc::MemorySource>(bytes, size), "The model");
    const std::vector<char> image = fastctc::make_image(fastctc::read_arpa(lines));
    // A ModelError here would be a fault of make_image.
    try {
      const fastctc::ImageView view = fastctc::view_image(image.data(), image.size(), "The image");
      std::uint32_t state = view.header->start;
      for (std::uint32_t step = 0; step < 64; ++step) {
        const std::uint32_t word = step * 7 % static_cast<std::uint32_t>(view.header->n_words);
        if (!std::isfinite(fastctc::score(view, state, word, &state))) std::abort();
        if (view.words.find(view.words.word(word)) != word) std::abort();
      }
    } catch (const fastctc::ModelError&) {
      std::abort();
    }
  } catch (const fastctc::ModelError&) {
  }
  return 0;
}
