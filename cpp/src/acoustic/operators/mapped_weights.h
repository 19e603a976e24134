// The weights of a graph's Linear operators (operators.h) as they lie in its file: mapped into memory, once for
// all graphs and sessions of the process, and shared with other processes by the system.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "acoustic/engine/ort.h"
#include "base/mapped_file.h"

namespace fastctc {

// What a session that uses it must not outlive.
class MappedWeights {
 public:
  // Of the graph at a UTF-8 path. Empty where it has no such operators, or holds its weights itself. What is broken is
  // left to ONNX Runtime, which says what it is.
  static MappedWeights map(const std::string& graph_path);

  bool empty() const { return values_.empty(); }
  // Sessions of these options take the weights from here.
  void share(ort::SessionOptions& options) const;

 private:
  std::vector<std::shared_ptr<const MappedFile>> files_;
  std::vector<std::pair<std::string, ort::Value>> values_;  // by the name of the initializer
};

}  // namespace fastctc
