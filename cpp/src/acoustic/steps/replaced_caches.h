// NeMo's caches: every step replaces them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "acoustic/steps/caches.h"

namespace fastctc {

// Sizes of one stream's caches.
struct CacheSizes {
  std::vector<std::int64_t> channel;  // [layers, context frames, width]
  std::vector<std::int64_t> time;     // [layers, width, kernel - 1]
};

class ReplacedCaches : public Caches {
 public:
  // Raises ModelError if inputs and outputs are not NeMo's.
  explicit ReplacedCaches(const Graph& graph);

  // The declared sizes of inputs and outputs, -1 if open. Raises ModelError if they differ.
  const CacheSizes& declared_sizes() const { return declared_; }
  const CacheSizes& sizes() const { return sizes_; }
  // Before any other call.
  void set_sizes(CacheSizes sizes);

  std::shared_ptr<const CacheStack> stack(const std::vector<CacheSlot>& slots) const override;
  std::vector<ort::Value> inputs(const CacheStack& caches, std::size_t n_items) const override;
  std::shared_ptr<const CacheStack> outputs(std::vector<ort::Value> values, std::size_t n_items) const override;
  void accept(CacheSlot& slot, const std::shared_ptr<const CacheStack>& outputs, std::size_t index) const override;
  void detach(CacheSlot& slot) const override;

 private:
  std::shared_ptr<CacheStack> make_stack(std::size_t n_items) const;
  std::shared_ptr<const CacheStack> copy(const std::vector<CacheSlot>& slots) const;

  const Graph& graph_;
  mutable ort::Allocator arena_;  // its calls are safe from any thread, though not const
  CacheSizes declared_;
  CacheSizes sizes_;
  std::size_t channel_values_ = 0;  // of one stream
  std::size_t time_values_ = 0;
  std::shared_ptr<const CacheStack> zeros_;  // of one stream
};

}  // namespace fastctc
