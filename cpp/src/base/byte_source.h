// Bytes of a file that may be compressed, in order.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace fastctc {

class ByteSource {
 public:
  virtual ~ByteSource();
  // Reads up to n bytes; less only at the end. Raises ModelError.
  virtual std::size_t read(char* bytes, std::size_t n) = 0;
  // How much of the file is read, 0 to 1; 0 where its size is unknown.
  virtual double progress() const;
};

// The bytes of a file, unpacked where it is gzip (told by its first two bytes). `what` names the file in messages, as
// "Language model 'en.arpa'". Raises ModelNotFoundError; ModelError on what can't be opened. Reading raises ModelError
// where the system fails, and on gzip that is damaged or cut off.
std::unique_ptr<ByteSource> open_bytes(const std::string& path, const std::string& what);

// Bytes in memory, which must outlive the source.
class MemorySource : public ByteSource {
 public:
  MemorySource(const char* bytes, std::size_t n_bytes) : bytes_(bytes), n_bytes_(n_bytes) {}
  std::size_t read(char* bytes, std::size_t n) override;

 private:
  const char* bytes_;
  std::size_t n_bytes_;
  std::size_t position_ = 0;
};

}  // namespace fastctc
