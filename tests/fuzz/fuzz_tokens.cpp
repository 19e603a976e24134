// Any bytes as a token list: a vocabulary whose every token has a text, or an error that names the line.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "fastctc/error.h"
#include "fastctc/vocabulary.h"
#include "text/token_list.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  try {
    const std::vector<std::string> pieces = fastctc::parse_token_list(bytes, "The list");
    if (pieces.empty()) std::abort();
    const fastctc::Vocabulary vocabulary(pieces);
    std::vector<int> ids;
    for (std::size_t id = 0; id < vocabulary.size(); ++id) {
      vocabulary.token_text(static_cast<int>(id));
      ids.push_back(static_cast<int>(id));
    }
    vocabulary.text(ids);
  } catch (const fastctc::ModelError&) {
  } catch (const fastctc::OptionError&) {  // no blank can be told
  }
  return 0;
}
