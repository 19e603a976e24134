// Caches that grow by the rows of a step: inputs cache_NAME [rows, batch, ...], outputs new_NAME [new rows, batch,
// ...]. A cache holds the last rows. Time is the first axis, so a row of a batch is one block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "acoustic/steps/caches.h"

namespace fastctc {

class AppendedCaches : public Caches {
 public:
  // Whether the graph is of this form, by its metadata.
  static bool has(const Graph& graph);
  // Raises ModelError if inputs and outputs don't match.
  explicit AppendedCaches(const Graph& graph);

  // Rows per step: its output frames.
  std::size_t n_new_rows() const { return n_new_rows_; }

  std::shared_ptr<const CacheStack> stack(const std::vector<CacheSlot>& slots) const override;
  std::vector<ort::Value> inputs(const CacheStack& caches, std::size_t n_items) const override;
  std::shared_ptr<const CacheStack> outputs(std::vector<ort::Value> values, std::size_t n_items) const override;
  void accept(CacheSlot& slot, const std::shared_ptr<const CacheStack>& outputs, std::size_t index) const override;
  void detach(CacheSlot&) const override {}  // streams share nothing

 private:
  std::vector<std::int64_t> shape(std::size_t cache, std::size_t n_rows, std::size_t n_items) const;

  const Graph& graph_;
  mutable ort::Allocator arena_;  // its calls are safe from any thread, though not const
  struct Cache {
    std::size_t n_rows = 0;
    std::size_t row_values = 0;
    std::vector<std::int64_t> row_shape;
  };
  std::vector<Cache> caches_;
  std::size_t n_new_rows_ = 0;
};

}  // namespace fastctc
