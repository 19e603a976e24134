// Small files of a model, read whole.
#pragma once

#include <string>

namespace fastctc {

// The bytes of a file, 64 MB at most. `what` is what messages call it, `option` which option names it.
// Raises ModelNotFoundError, VocabularyError.
std::string read_file_bytes(const std::string& path, const std::string& what, const std::string& option);

}  // namespace fastctc
