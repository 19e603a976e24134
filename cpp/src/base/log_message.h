// Hands a message to the process's log callback.
#pragma once

#include <string>

#include "fastctc/log.h"

namespace fastctc {

void log_message(LogLevel level, const std::string& message);

}  // namespace fastctc
