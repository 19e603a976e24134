// Files as wholes: there or not, written at once.
#pragma once

#include <cstddef>
#include <fstream>
#include <string>

namespace fastctc {

// Paths are UTF-8 on every system. Raises ModelNotFoundError where there is none, ModelError on a directory; `what`
// names the file.
void require_file(const std::string& path, const std::string& what);
bool is_regular_file(const std::string& path);
std::ifstream open_stream(const std::string& path);

// Writes beside the file first and renames then: it appears whole or not at all, and what stood there stays until then,
// also for those who have it mapped. Raises ModelError.
void write_whole_file(const std::string& path, const char* bytes, std::size_t n_bytes, const std::string& what);

}  // namespace fastctc
