// The state of each stream of a cache-aware graph between steps.
//
//   replaced  NeMo's export: cache_last_channel and cache_last_time go in, their _next come out. The caches of a batch
//             are one block; streams that stay together pass it on unchanged.
//   appended  fastctc's own graphs (export/streaming_graph.py): only the new rows come out, and each stream keeps the
//             last rows of every cache. The graph shifts nothing, and gathering a batch is one copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "acoustic/engine/ort.h"
#include "acoustic/graph/graph.h"

namespace fastctc {

// The caches of several streams as the graph takes them. Never written once it is shared.
struct CacheStack {
  std::size_t n_items = 0;
  std::vector<ort::Value> tensors;
};

class CacheRows;  // of the appended form

// One stream's caches; all empty: zeros.
struct CacheSlot {
  std::shared_ptr<const CacheStack> stack;  // replaced: item `index` of it
  std::size_t index = 0;
  std::shared_ptr<CacheRows> rows;  // appended
};

class Caches {
 public:
  virtual ~Caches() = default;

  const std::vector<std::string>& input_names() const { return input_names_; }
  const std::vector<std::string>& output_names() const { return output_names_; }
  // The slots' caches in their order. The stack may have more items after them.
  virtual std::shared_ptr<const CacheStack> stack(const std::vector<CacheSlot>& slots) const = 0;
  // The stack's first n_items as inputs of a run; they point into it.
  virtual std::vector<ort::Value> inputs(const CacheStack& caches, std::size_t n_items) const = 0;
  // The outputs of a run, in the order of output_names(), for accept(). Raises ModelError on other shapes.
  virtual std::shared_ptr<const CacheStack> outputs(std::vector<ort::Value> values, std::size_t n_items) const = 0;
  // Sets a stream's caches after a step: it was item `index` of `outputs`.
  virtual void accept(CacheSlot& slot, const std::shared_ptr<const CacheStack>& outputs, std::size_t index) const = 0;
  // Frees memory that is kept only for other streams: see AcousticStream::detach().
  virtual void detach(CacheSlot& slot) const = 0;

 protected:
  std::vector<std::string> input_names_;
  std::vector<std::string> output_names_;
};

}  // namespace fastctc
