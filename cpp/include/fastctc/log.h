// Where the library's messages go. It never prints.
#pragma once

#include <functional>
#include <string>

#include "fastctc/export.h"

namespace fastctc {

enum class LogLevel { debug = 10, info = 20, warning = 30, error = 40 };  // Python's logging levels

// Replaces the callback of this process; an empty one drops messages (the default). The callback may be called
// from any thread.
FASTCTC_API void set_log_callback(std::function<void(LogLevel, const std::string&)> callback);

}  // namespace fastctc
