#include "base/mapped_file.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "fastctc/error.h"

#if defined(__unix__) || defined(__APPLE__)
#define FASTCTC_HAS_MMAP 1
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#else
#define FASTCTC_HAS_MMAP 0
#endif

namespace fastctc {

#if FASTCTC_HAS_MMAP

namespace {

struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) close(number);
  }
};

}  // namespace

MappedFile::MappedFile(const std::string& path, const std::string& what) {
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat status = {};
  if (file.number < 0 || fstat(file.number, &status) != 0) {
    throw ModelError(what + " can't be opened. Check its permissions.");
  }
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;
  void* address = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.number, 0);
  if (address == MAP_FAILED) {
    throw ModelError(what + " can't be mapped: " + std::generic_category().message(errno) + ".");
  }
  data_ = static_cast<const char*>(address);
  is_mapped_ = true;
}

MappedFile::~MappedFile() {
  if (is_mapped_) munmap(const_cast<char*>(data_), size_);
}

#else

MappedFile::MappedFile(const std::string& path, const std::string& what) {
  const std::filesystem::path file = std::filesystem::u8path(path);
  std::error_code error;
  const std::uintmax_t n_bytes = std::filesystem::file_size(file, error);
  std::ifstream stream(file, std::ios::binary);
  if (error || !stream) throw ModelError(what + " can't be opened. Check its permissions.");
  copy_.resize(static_cast<std::size_t>(n_bytes));
  stream.read(copy_.data(), static_cast<std::streamsize>(copy_.size()));
  if (static_cast<std::size_t>(stream.gcount()) != copy_.size()) {
    throw ModelError(what + " can't be read to its end. Check the file and its disk.");
  }
  data_ = copy_.data();
  size_ = copy_.size();
}

MappedFile::~MappedFile() = default;

#endif

}  // namespace fastctc
