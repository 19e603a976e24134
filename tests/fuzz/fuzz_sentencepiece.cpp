// Any bytes as a SentencePiece model: a text is cut into its pieces, or the model is refused by name.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "fastctc/error.h"
#include "text/sentencepiece_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  try {
    const auto model = fastctc::SentencePieceModel::parse(bytes, "The model");
    for (const char* text : {"", " a  b ", "two \xEF\xBC\xA1\xCC\x81 three", "\xE2\x96\x81 x", "\xFF\xC3"}) {
      const int n_pieces = static_cast<int>(model.size());
      for (const int id : model.encode(text)) {
        if (id != fastctc::SentencePieceModel::kUnknown && (id < 0 || id >= n_pieces)) std::abort();
      }
      model.normalize(text);
    }
  } catch (const fastctc::ModelError&) {
  } catch (const fastctc::AlignmentError&) {
  }
  return 0;
}
