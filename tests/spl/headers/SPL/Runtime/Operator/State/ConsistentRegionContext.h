// Not the product's: see Operator.h.
#pragma once

#include <SPL/Runtime/Operator/Operator.h>

namespace SPL {

class ConsistentRegionContext : public OptionalContext {};
class ConsistentRegionPermit {
 public:
  explicit ConsistentRegionPermit(ConsistentRegionContext*) {}
  ~ConsistentRegionPermit() {}
};

}  // namespace SPL
