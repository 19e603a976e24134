#include "base/durable_file.h"

#include <cerrno>
#include <cstdio>
#include <random>
#include <string>
#include <system_error>

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

namespace fastctc {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const char* what, const fs::path& path) {
  throw fs::filesystem_error(what, path, std::error_code(errno, std::generic_category()));
}

struct File {
  std::FILE* stream;
  ~File() {
    if (stream) std::fclose(stream);
  }
};

std::FILE* create(const fs::path& path) {
#if defined(_WIN32)
  return _wfopen(path.c_str(), L"wbx");
#else
  return std::fopen(path.c_str(), "wbxe");
#endif
}

bool reaches_disk(std::FILE* stream) {
  if (std::fflush(stream) != 0) return false;
#if defined(_WIN32)
  return _commit(_fileno(stream)) == 0;
#else
  return fsync(fileno(stream)) == 0;
#endif
}

void write(const fs::path& path, const std::vector<std::string_view>& parts) {
  const File file{create(path)};
  if (!file.stream) fail("can't create", path);
  for (const std::string_view bytes : parts) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), file.stream) != bytes.size()) fail("can't write", path);
  }
  if (!reaches_disk(file.stream)) fail("can't write", path);
}

}  // namespace

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
