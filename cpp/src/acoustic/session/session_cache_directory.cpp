#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>

#include "fastctc/session_cache.h"

namespace fastctc {
namespace {

namespace fs = std::filesystem;

constexpr char kSessions[] = "sessions";

fs::path path_in(const char* variable) {
#if defined(_WIN32)
  const std::wstring name(variable, variable + std::char_traits<char>::length(variable));
  const wchar_t* value = _wgetenv(name.c_str());
#else
  const char* value = std::getenv(variable);
#endif
  return value ? fs::path(value) : fs::path();
}

fs::path home_directory() {
#if defined(_WIN32)
  return path_in("USERPROFILE");
#else
  return path_in("HOME");
#endif
}

// "~/place" and "place", made absolute.
fs::path expanded(const fs::path& named) {
  if (*named.begin() != fs::path("~")) return fs::absolute(named);
  fs::path result = home_directory();
  for (auto part = std::next(named.begin()); part != named.end(); ++part) result /= *part;
  return fs::absolute(result);
}

// Empty if nothing names a directory.
fs::path platform_directory() {
#if defined(_WIN32)
  const fs::path base = path_in("LOCALAPPDATA");
#elif defined(__APPLE__)
  const fs::path base = home_directory().empty() ? fs::path() : home_directory() / "Library" / "Caches";
#else
  fs::path base = path_in("XDG_CACHE_HOME");
  // The specification of the variable says to ignore a relative path.
  if (!base.is_absolute()) base = home_directory().empty() ? fs::path() : home_directory() / ".cache";
#endif
  return base.is_absolute() ? base / "fastctc" : fs::path();
}

}  // namespace

std::string session_cache_directory() {
  const fs::path named = path_in("FASTCTC_HOME");
  const fs::path place = named.empty() ? platform_directory() : expanded(named);
  return place.empty() ? std::string() : (place / kSessions).u8string();
}

}  // namespace fastctc
