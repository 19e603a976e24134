#include "base/whole_file.h"

#include <filesystem>
#include <random>
#include <system_error>

#include "fastctc/error.h"

namespace fastctc {

namespace fs = std::filesystem;

void require_file(const std::string& path, const std::string& what) {
  // A path with a NUL would name another file to the system, and end the message.
  if (path.find('\0') != std::string::npos) {
    throw ModelNotFoundError("The path of a file holds a NUL; it is not there.");
  }
  std::error_code error;
  const fs::file_status status = fs::status(fs::u8path(path), error);
  if (path.empty() || status.type() == fs::file_type::not_found) {
    throw ModelNotFoundError(what + " is not there. Check the path.");
  }
  if (status.type() == fs::file_type::directory) throw ModelError(what + " is a directory. Name the file in it.");
}

bool is_regular_file(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(fs::u8path(path), error);
}

std::ifstream open_stream(const std::string& path) { return std::ifstream(fs::u8path(path), std::ios::binary); }

void write_whole_file(const std::string& path, const char* bytes, std::size_t n_bytes, const std::string& what) {
  const fs::path target = fs::u8path(path);
  std::error_code error;
  if (path.empty() || path.find('\0') != std::string::npos || fs::is_directory(target, error)) {
    throw ModelError(what + " can't be written: give the path of a file.");
  }
  std::random_device random;
  fs::path temporary = target;
  temporary += ".part-" + std::to_string(random());
  {
    std::ofstream stream(temporary, std::ios::binary | std::ios::trunc);
    stream.write(bytes, static_cast<std::streamsize>(n_bytes));
    stream.close();
    if (!stream) {
      fs::remove(temporary, error);
      throw ModelError(what + " can't be written. Check that its directory is there and has room.");
    }
  }
  fs::rename(temporary, target, error);
  if (error) {
    const std::string why = error.message();
    fs::remove(temporary, error);
    throw ModelError(what + " can't be written: " + why + ".");
  }
}

}  // namespace fastctc
