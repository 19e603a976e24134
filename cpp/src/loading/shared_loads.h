// One object for all that ask for the same, as long as one of them holds it.
#pragma once

#include <iterator>
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
    const Visit visit(*this, key);
    const std::lock_guard<std::mutex> lock(visit.slot().mutex);
    std::shared_ptr<T> object = visit.slot().object.lock();
    if (!object) {
      object = make();
      visit.slot().object = object;
    }
    return object;
  }

 private:
  struct Slot {
    int n_visits = 0;  // of threads in get()
    std::mutex mutex;  // of the object; held while it is made
    std::weak_ptr<T> object;
  };

  // Keeps a slot while a thread is at it, and removes those whose objects are gone.
  class Visit {
   public:
    Visit(SharedLoads& loads, const std::string& key) : loads_(loads) {
      const std::lock_guard<std::mutex> lock(loads.mutex_);
      slot_ = &loads.slots_[key];
      ++slot_->n_visits;
    }
    ~Visit() {
      const std::lock_guard<std::mutex> lock(loads_.mutex_);
      --slot_->n_visits;
      for (auto entry = loads_.slots_.begin(); entry != loads_.slots_.end();) {
        const bool is_idle = entry->second.n_visits == 0 && entry->second.object.expired();
        entry = is_idle ? loads_.slots_.erase(entry) : std::next(entry);
      }
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    Slot& slot() const { return *slot_; }

   private:
    SharedLoads& loads_;
    Slot* slot_;
  };

  std::mutex mutex_;
  std::map<std::string, Slot> slots_;  // nodes: a slot stays where it is
};

}  // namespace fastctc
