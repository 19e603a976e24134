// Objects that belong to one thread at a time.
#pragma once

#include <atomic>
#include <string>

#include "fastctc/error.h"

namespace fastctc_bindings {

// Holds an object's flag while one of its methods runs. With the GIL released a second Python thread could enter the
// same object: that is an error with a name, not a data race.
class ExclusiveUse {
 public:
  ExclusiveUse(std::atomic_flag& flag, const char* type) : flag_(flag) {
    if (flag_.test_and_set(std::memory_order_acquire)) {
      throw fastctc::Error(std::string("This ") + type + " is in use by another thread. Give each thread its own.");
    }
  }
  ~ExclusiveUse() { flag_.clear(std::memory_order_release); }
  ExclusiveUse(const ExclusiveUse&) = delete;
  ExclusiveUse& operator=(const ExclusiveUse&) = delete;

 private:
  std::atomic_flag& flag_;
};

}  // namespace fastctc_bindings
