#include "fastctc/log.h"

#include <memory>
#include <mutex>
#include <utility>

#include "base/log_message.h"

namespace fastctc {
namespace {

using Callback = std::function<void(LogLevel, const std::string&)>;

std::mutex& mutex() {
  static std::mutex instance;
  return instance;
}

std::shared_ptr<Callback>& slot() {
  static std::shared_ptr<Callback> instance;
  return instance;
}

}  // namespace

void set_log_callback(Callback callback) {
  auto next = callback ? std::make_shared<Callback>(std::move(callback)) : nullptr;
  const std::lock_guard<std::mutex> lock(mutex());
  slot().swap(next);
}

void log_message(LogLevel level, const std::string& message) {
  std::shared_ptr<Callback> callback;
  {
    // The callback runs outside the lock: it may take its own (Python's GIL).
    const std::lock_guard<std::mutex> lock(mutex());
    callback = slot();
  }
  if (callback) (*callback)(level, message);
}

}  // namespace fastctc
