#include "base/byte_source.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "base/gzip_source.h"
#include "base/whole_file.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

class FileSource : public ByteSource {
 public:
  FileSource(std::ifstream stream, double n_bytes, const std::string& what)
      : stream_(std::move(stream)), n_bytes_(n_bytes), what_(what) {}

  std::size_t read(char* bytes, std::size_t n) override {
    stream_.read(bytes, static_cast<std::streamsize>(n));
    if (stream_.bad()) throw ModelError(what_ + " can't be read to its end. Check the file and its disk.");
    const std::size_t n_read = static_cast<std::size_t>(stream_.gcount());
    n_done_ += static_cast<double>(n_read);
    return n_read;
  }

  double progress() const override { return n_bytes_ > 0 ? std::min(n_done_ / n_bytes_, 1.0) : 0; }

 private:
  std::ifstream stream_;
  double n_bytes_;
  double n_done_ = 0;
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

double MemorySource::progress() const {
  return n_bytes_ > 0 ? static_cast<double>(position_) / static_cast<double>(n_bytes_) : 1;
}

std::unique_ptr<ByteSource> open_bytes(const std::string& path, const std::string& what) {
  require_file(path, what);
  std::ifstream stream = open_stream(path);
  if (!stream) throw ModelError(what + " can't be opened. Check its permissions.");
  std::error_code error;
  const std::uintmax_t n_bytes = std::filesystem::file_size(std::filesystem::u8path(path), error);
  const double size = error ? 0 : static_cast<double>(n_bytes);
  // A pipe can't be read twice: it must be plain.
  if (is_regular_file(path)) {
    char magic[2] = {};
    stream.read(magic, 2);
    if (stream.gcount() == 2 && magic[0] == '\x1f' && magic[1] == '\x8b') return open_gzip(path, what, size);
    stream.clear();
    stream.seekg(0);
  }
  return std::make_unique<FileSource>(std::move(stream), size, what);
}

}  // namespace fastctc
