#include "base/gzip_source.h"

#include <algorithm>

#include "base/shared_library.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

#if defined(_WIN32)
const char* const kNames[] = {"zlib1.dll"};
#elif defined(__APPLE__)
const char* const kNames[] = {"/usr/lib/libz.1.dylib", "libz.dylib"};
#else
const char* const kNames[] = {"libz.so.1", "libz.so"};
#endif

constexpr unsigned kLargestRead = 1u << 20;

// The calls of zlib's gz* interface that are needed; unchanged since zlib 1.2.4 (zlib.h).
struct Zlib {
  using Open = void* (*)(const char*, const char*);
  using Read = int (*)(void*, void*, unsigned);
  using Error = const char* (*)(void*, int*);
  using Offset = long (*)(void*);
  using Close = int (*)(void*);
  Open open = nullptr;
  Read read = nullptr;
  Error error = nullptr;
  Offset offset = nullptr;
  Close close = nullptr;

  Zlib() {
    for (const char* name : kNames) {
      SharedLibrary library(name);
      if (!library.is_open()) continue;
      open = reinterpret_cast<Open>(library.symbol("gzopen"));
      read = reinterpret_cast<Read>(library.symbol("gzread"));
      error = reinterpret_cast<Error>(library.symbol("gzerror"));
      offset = reinterpret_cast<Offset>(library.symbol("gzoffset"));
      close = reinterpret_cast<Close>(library.symbol("gzclose"));
      if (is_complete()) {
        library.release();  // it stays for the life of the process
        return;
      }
    }
    open = nullptr;
  }

  bool is_complete() const { return open && read && error && offset && close; }
};

const Zlib& zlib() {
  static const Zlib library;
  return library;
}

class GzipSource : public ByteSource {
 public:
  GzipSource(void* file, double n_bytes, const std::string& what) : file_(file), n_bytes_(n_bytes), what_(what) {}
  ~GzipSource() override { zlib().close(file_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  std::size_t read(char* bytes, std::size_t n) override {
    std::size_t n_read = 0;
    while (n_read < n) {
      const unsigned n_wanted = static_cast<unsigned>(std::min<std::size_t>(n - n_read, kLargestRead));
      const int got = zlib().read(file_, bytes + n_read, n_wanted);
      if (got > 0) n_read += static_cast<std::size_t>(got);
      if (got < static_cast<int>(n_wanted)) break;
    }
    // A file that ends within its packed data reads as one that ends: only the state tells.
    int code = 0;
    const char* text = zlib().error(file_, &code);
    if (code != 0 && n_read < n) {
      throw ModelError(what_ + " is damaged or cut off: gzip says '" + (text ? text : "") + "'. Fetch it again.");
    }
    return n_read;
  }

  double progress() const override {
    const double n_done = static_cast<double>(zlib().offset(file_));
    return n_bytes_ > 0 ? std::min(std::max(n_done / n_bytes_, 0.0), 1.0) : 0;
  }

 private:
  void* file_;
  double n_bytes_;
  std::string what_;
};

}  // namespace

std::unique_ptr<ByteSource> open_gzip(const std::string& path, const std::string& what, double n_bytes) {
  if (!zlib().is_complete()) {
    throw ModelError(what + " is packed with gzip, and this system has no zlib to unpack it (" + kNames[0] +
                     "). Unpack it first: gunzip FILE, or python -m gzip -d FILE.");
  }
  void* file = zlib().open(path.c_str(), "rb");
  if (!file) throw ModelError(what + " can't be opened. Check its permissions.");
  return std::make_unique<GzipSource>(file, n_bytes, what);
}

}  // namespace fastctc
