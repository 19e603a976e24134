// One object for all that ask for the same, as long as one of them holds it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace fastctc {

// Safe from any thread: threads that ask for the same at once get one object, made by the first; other keys don't wait.
template <class T>
class SharedLoads {
 public:
  // make(): a std::shared_ptr<T>. What it raises passes, and the next one tries again.
  template <class Make>
  std::shared_ptr<T> get(const std::string& key, Make make) {
    const std::shared_ptr<Slot> slot = find_slot(key);
    const std::lock_guard<std::mutex> lock(slot->mutex);
    std::shared_ptr<T> object = slot->object.lock();
    if (!object) {
      object = make();
      slot->object = object;
    }
    return object;
  }

 private:
  struct Slot {
    std::mutex mutex;
    std::weak_ptr<T> object;
  };

  std::shared_ptr<Slot> find_slot(const std::string& key) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto entry = slots_.begin(); entry != slots_.end();) {
      // A slot that nobody else holds is in no get(): its object tells whether it is still of use.
      const bool is_idle = entry->second.use_count() == 1 && entry->second->object.expired();
      entry = is_idle && entry->first != key ? slots_.erase(entry) : std::next(entry);
    }
    std::shared_ptr<Slot>& slot = slots_[key];
    if (!slot) slot = std::make_shared<Slot>();
    return slot;
  }

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Slot>> slots_;
};

}  // namespace fastctc
