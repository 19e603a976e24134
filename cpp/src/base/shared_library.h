// A shared library opened at run time.
#pragma once

#include <string>

namespace fastctc {

class SharedLibrary {
 public:
  // `name`: a UTF-8 path, or a bare name that the system searches. Not open on failure: error() says why.
  explicit SharedLibrary(const std::string& name);
  // Closes it, unless released.
  ~SharedLibrary();
  SharedLibrary(const SharedLibrary&) = delete;
  SharedLibrary& operator=(const SharedLibrary&) = delete;

  bool is_open() const { return handle_ != nullptr; }
  const std::string& error() const { return error_; }
  // Null when there is none.
  void* symbol(const char* name) const;
  // File of the library or program that this code is part of; empty where the system does not tell.
  static std::string path_of_this_code();
  // Keeps it open until the process ends.
  void release() { handle_ = nullptr; }

 private:
  void* handle_ = nullptr;
  std::string error_;
};

}  // namespace fastctc
