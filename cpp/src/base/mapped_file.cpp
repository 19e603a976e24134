#include "base/mapped_file.h"

#include <limits>

#include "base/file.h"

#if defined(__unix__) || defined(__APPLE__)
#define FASTCTC_HAS_MMAP 1
#include <sys/mman.h>
#include <sys/stat.h>
#else
#define FASTCTC_HAS_MMAP 0
#endif

namespace fastctc {

#if FASTCTC_HAS_MMAP

MappedFile::MappedFile(const std::string& path, const std::string& what) {
  const OpenFile file = open_file(path, what);
  struct stat status = {};
  if (fstat(fileno(file.get()), &status) != 0) fail_to_read(what);
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;
  void* address = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fileno(file.get()), 0);
  if (address == MAP_FAILED) fail_to_read(what);
  data_ = static_cast<const char*>(address);
}

MappedFile::~MappedFile() {
  if (data_) munmap(const_cast<char*>(data_), size_);
}

#else

MappedFile::MappedFile(const std::string& path, const std::string& what)
    : copy_(read_file(path, what, std::numeric_limits<std::size_t>::max() - 1)) {
  data_ = copy_.data();
  size_ = copy_.size();
}

MappedFile::~MappedFile() = default;

#endif

}  // namespace fastctc
