#include "base/shared_library.h"

#if defined(_WIN32)
#ifndef NOMINMAX
#define NOMINMAX
#endif
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <filesystem>
#include <system_error>
#else
#include <dlfcn.h>
#endif

namespace fastctc {

#if defined(_WIN32)

SharedLibrary::SharedLibrary(const std::string& name) {
  const std::filesystem::path path = std::filesystem::u8path(name);
  // With a full path, the libraries that it needs are looked for beside it.
  const DWORD flags = path.is_absolute() ? LOAD_WITH_ALTERED_SEARCH_PATH : 0;
  handle_ = static_cast<void*>(LoadLibraryExW(path.c_str(), nullptr, flags));
  if (!handle_) error_ = std::system_category().message(static_cast<int>(GetLastError()));
}

SharedLibrary::~SharedLibrary() {
  if (handle_) FreeLibrary(static_cast<HMODULE>(handle_));
}

std::string SharedLibrary::path_of_this_code() { return ""; }

void* SharedLibrary::symbol(const char* name) const {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(handle_), name));
}

#else

// RTLD_LOCAL: its symbols must not shadow another copy's, such as the one inside Python's onnxruntime module.
SharedLibrary::SharedLibrary(const std::string& name) : handle_(dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (handle_) return;
  const char* text = dlerror();
  error_ = text ? text : "unknown error";
}

SharedLibrary::~SharedLibrary() {
  if (handle_) dlclose(handle_);
}

std::string SharedLibrary::path_of_this_code() {
  static const char kHere = 0;
  Dl_info info;
  return dladdr(&kHere, &info) != 0 && info.dli_fname ? info.dli_fname : "";
}

void* SharedLibrary::symbol(const char* name) const { return dlsym(handle_, name); }

#endif

}  // namespace fastctc
