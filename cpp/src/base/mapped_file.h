// A file's bytes as memory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fastctc {

// Mapped where the system can, else read; 8-byte aligned either way. The file must not be cut while it is mapped:
// replace it (rename), as fastctc's own writers do.
class MappedFile {
 public:
  // `what` names the file in messages. Raises ModelNotFoundError; ModelError when it can't be opened or mapped.
  MappedFile(const std::string& path, const std::string& what);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const char* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::string_view bytes() const { return {data_, size_}; }

 private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
  std::string copy_;  // where it was read
};

}  // namespace fastctc
