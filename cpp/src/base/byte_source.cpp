#include "base/byte_source.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kBufferBytes = 1u << 16;  // zlib copies once more what is read in pieces of less than two
constexpr std::size_t kLargestRead = std::size_t{1} << 20;

// zlib passes on what isn't gzip as it is.
class ZlibSource : public ByteSource {
 public:
  ZlibSource(const std::string& path, const std::string& what) : what_(what) {
    require_file(path, what);
    const fs::path file = fs::u8path(path);
    errno = ENOMEM;
#if defined(_WIN32)
    file_ = gzopen_w(file.c_str(), "rb");
#else
    file_ = gzopen(file.c_str(), "rbe");
#endif
    if (!file_) fail_to_read(what);
    gzbuffer(file_, kBufferBytes);
    std::error_code error;
    const std::uintmax_t n_bytes = fs::file_size(file, error);
    n_bytes_ = error ? 0 : static_cast<double>(n_bytes);
  }
  ~ZlibSource() override { gzclose(file_); }
  ZlibSource(const ZlibSource&) = delete;
  ZlibSource& operator=(const ZlibSource&) = delete;

  std::size_t read(char* bytes, std::size_t n) override {
    std::size_t n_read = 0;
    while (n_read < n) {
      const std::size_t n_wanted = std::min(n - n_read, kLargestRead);
      const int n_got = gzread(file_, bytes + n_read, static_cast<unsigned>(n_wanted));
      if (n_got > 0) n_read += static_cast<std::size_t>(n_got);
      if (n_got < static_cast<int>(n_wanted)) break;
    }
    if (n_read < n) check();
    return n_read;
  }

  double progress() const override {
    const double n_done = static_cast<double>(gzoffset(file_));
    return n_bytes_ > 0 ? std::min(std::max(n_done / n_bytes_, 0.0), 1.0) : 0;
  }

 private:
  // A file that ends within its packed data reads as one that ends: only the state tells.
  void check() const {
    int code = Z_OK;
    const char* text = gzerror(file_, &code);
    if (code == Z_ERRNO) fail_to_read(what_);
    if (code != Z_OK) {
      throw ModelError(what_ + " is damaged or cut off: gzip says '" + (text ? text : "") + "'. Fetch it again.");
    }
  }

  gzFile file_ = nullptr;
  double n_bytes_ = 0;
  std::string what_;
};

}  // namespace

ByteSource::~ByteSource() = default;

double ByteSource::progress() const { return 0; }

std::size_t MemorySource::read(char* bytes, std::size_t n) {
  const std::size_t n_read = std::min(n, n_bytes_ - position_);
  if (n_read > 0) std::memcpy(bytes, bytes_ + position_, n_read);
  position_ += n_read;
  return n_read;
}

std::unique_ptr<ByteSource> open_bytes(const std::string& path, const std::string& what) {
  return std::make_unique<ZlibSource>(path, what);
}

}  // namespace fastctc
