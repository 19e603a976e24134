#include "base/file.h"

#include <cerrno>
#include <random>
#include <system_error>

#include "fastctc/error.h"

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

namespace fastctc {
namespace {

namespace fs = std::filesystem;

OpenFile open_as(const fs::path& path, const char* mode) {
#if defined(_WIN32)
  return OpenFile(_wfopen(path.c_str(), fs::path(mode).c_str()));
#else
  return OpenFile(std::fopen(path.c_str(), (mode + std::string("e")).c_str()));  // e: not for child processes
#endif
}

bool reaches_disk(std::FILE* file) {
  if (std::fflush(file) != 0) return false;
#if defined(_WIN32)
  return _commit(_fileno(file)) == 0;
#else
  return fsync(fileno(file)) == 0;
#endif
}

[[noreturn]] void fail_to_write(const fs::path& path) {
  throw fs::filesystem_error("can't write", path, std::error_code(errno, std::generic_category()));
}

void write(const fs::path& path, const std::vector<std::string_view>& parts) {
  const OpenFile file = open_as(path, "wbx");
  if (!file) fail_to_write(path);
  for (const std::string_view bytes : parts) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size()) fail_to_write(path);
  }
  if (!reaches_disk(file.get())) fail_to_write(path);
}

}  // namespace

void require_file(const std::string& path, const std::string& what, const std::string& advice) {
  // A path with a NUL would name another file to the system, and end the message.
  if (path.find('\0') != std::string::npos) {
    throw ModelNotFoundError("A path holds a NUL byte; such a file is not there. " + advice);
  }
  std::error_code error;
  const fs::file_status status = fs::status(fs::u8path(path), error);
  if (path.empty() || status.type() == fs::file_type::not_found) {
    throw ModelNotFoundError(what + " is not there. " + advice);
  }
  if (status.type() == fs::file_type::directory) throw ModelError(what + " is a directory. Name the file in it.");
}

OpenFile open_file(const std::string& path, const std::string& what, const std::string& advice) {
  require_file(path, what, advice);
  OpenFile file = open_as(fs::u8path(path), "rb");
  if (!file) fail_to_read(what);
  return file;
}

std::string read_file(const std::string& path, const std::string& what, std::size_t most_bytes,
                      const std::string& advice) {
  const OpenFile file = open_file(path, what, advice);
  std::string bytes;
  // In blocks: a device or a pipe has no size to ask for.
  std::vector<char> block(std::size_t{1} << 16);
  while (bytes.size() <= most_bytes && !std::feof(file.get())) {
    bytes.append(block.data(), std::fread(block.data(), 1, block.size(), file.get()));
    if (std::ferror(file.get())) fail_to_read(what);
  }
  if (bytes.size() > most_bytes) {
    throw ModelError(what + " is larger than " + std::to_string(most_bytes >> 20) +
                     " MiB: this is no such file. Check the path.");
  }
  return bytes;
}

void fail_to_read(const std::string& what) {
  throw ModelError(what + " can't be read: " + std::generic_category().message(errno) + ".");
}

fs::path temporary_beside(const fs::path& path) {
  std::random_device random;  // not from a seed: processes that start at once must differ
  fs::path result = path;
  result += ".part-" + std::to_string(random()) + "-" + std::to_string(random());
  return result;
}

void write_durably(const fs::path& path, const std::vector<std::string_view>& parts) {
  const fs::path temporary = temporary_beside(path);
  try {
    write(temporary, parts);
    fs::rename(temporary, path);
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
}

}  // namespace fastctc
