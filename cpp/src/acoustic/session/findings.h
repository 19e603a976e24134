// Findings about a graph, from runs or from its file, kept so that each is found once.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace fastctc {

// Safe from any thread.
class Findings {
 public:
  using Values = std::map<std::string, std::string>;
  using Save = std::function<void(const Values&)>;

  // save: keeps them for the next process; null: they are not kept.
  explicit Findings(Values values = {}, Save save = nullptr) : values_(std::move(values)), save_(std::move(save)) {}

  // The value, empty if nothing was found yet.
  std::string find(const std::string& name) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = values_.find(name);
    return found == values_.end() ? std::string() : found->second;
  }

  void add(const std::string& name, const std::string& value) {
    const std::lock_guard<std::mutex> lock(mutex_);
    values_[name] = value;
    if (save_) save_(values_);
  }

 private:
  mutable std::mutex mutex_;
  Values values_;
  Save save_;
};

}  // namespace fastctc
