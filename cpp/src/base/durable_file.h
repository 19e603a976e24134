// Files that other processes read while they are made.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace fastctc {

// A name beside `path` that no other process uses.
std::filesystem::path temporary_beside(const std::filesystem::path& path);

// Writes the parts to a temporary name, waits for the disk, and renames: the file is whole or not there, after a crash
// too. Raises std::filesystem::filesystem_error.
void write_durably(const std::filesystem::path& path, const std::vector<std::string_view>& parts);

}  // namespace fastctc
