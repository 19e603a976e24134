// Where optimized sessions of large graphs are kept (SessionOptions::cache).
#pragma once

#include <string>

#include "fastctc/export.h"

namespace fastctc {

// The directory `sessions`, UTF-8, of FASTCTC_HOME, else of the platform's place for such files:
// $XDG_CACHE_HOME/fastctc or ~/.cache/fastctc, on macOS ~/Library/Caches/fastctc, on Windows %LOCALAPPDATA%\fastctc. It
// may be absent. Empty: the environment names no place, and nothing is kept. All of it can be deleted at any time.
FASTCTC_API std::string session_cache_directory();

}  // namespace fastctc
