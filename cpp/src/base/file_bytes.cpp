#include "base/file_bytes.h"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "fastctc/error.h"

namespace fastctc {
namespace {

constexpr std::size_t kLargestFileBytes = std::size_t{64} << 20;  // the largest vocabularies are a few MB

}  // namespace

std::string read_file_bytes(const std::string& path, const std::string& what, const std::string& option) {
  const std::string name = what + " '" + path + "'";
  // A path with a NUL would name another file to the system, and end the message.
  if (path.find('\0') != std::string::npos) throw ModelNotFoundError(what + ": the path holds a NUL; it is not there.");
  const std::filesystem::path file = std::filesystem::u8path(path);
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(file, error);
  if (path.empty() || status.type() == std::filesystem::file_type::not_found) {
    throw ModelNotFoundError(name + " is not there. Name the file with the option `" + option + "`.");
  }
  if (status.type() == std::filesystem::file_type::directory) {
    throw VocabularyError(name + " is a directory. Name the file in it.");
  }
  std::ifstream stream(file, std::ios::binary);
  std::string bytes;
  // In blocks: a device or a pipe has no size to ask for.
  std::vector<char> block(std::size_t{1} << 16);
  while (stream.good() && bytes.size() <= kLargestFileBytes) {
    stream.read(block.data(), static_cast<std::streamsize>(block.size()));
    bytes.append(block.data(), static_cast<std::size_t>(stream.gcount()));
  }
  if (bytes.size() > kLargestFileBytes) {
    throw VocabularyError(name + " is larger than 64 MB: this is no such file. Check the path.");
  }
  if (!stream.eof() || stream.bad()) throw VocabularyError(name + " can't be read. Check its permissions.");
  return bytes;
}

}  // namespace fastctc
