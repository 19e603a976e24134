// Files by their UTF-8 paths. All of fastctc opens, reads and writes them here, so that what goes wrong is told in the
// same words. `what` names a file in messages, as "Language model 'en.arpa'".
#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fastctc {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using OpenFile = std::unique_ptr<std::FILE, CloseFile>;

// Raises ModelNotFoundError where there is no file, which ends with `advice`; ModelError on a directory.
void require_file(const std::string& path, const std::string& what, const std::string& advice = "Check the path.");

// Opens a file to read. Raises what require_file does; ModelError with the system's reason where it can't be opened.
OpenFile open_file(const std::string& path, const std::string& what, const std::string& advice = "Check the path.");

// The bytes of a file, pipe or device. Raises what open_file does; ModelError on more than `most_bytes`, and where
// reading fails.
std::string read_file(const std::string& path, const std::string& what, std::size_t most_bytes,
                      const std::string& advice = "Check the path.");

// Raises ModelError: `what` can't be read, for the reason that errno gives.
[[noreturn]] void fail_to_read(const std::string& what);

// A name beside `path` that no other process uses.
std::filesystem::path temporary_beside(const std::filesystem::path& path);

// Writes the parts to a temporary name, waits for the disk, and renames: the file is whole or not there, after a crash
// too, and what stood there before stays until then, also for those who have it mapped. Raises
// std::filesystem::filesystem_error.
void write_durably(const std::filesystem::path& path, const std::vector<std::string_view>& parts);

}  // namespace fastctc
