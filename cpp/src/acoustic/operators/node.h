// A node of an operator of our own, as ONNX Runtime sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "acoustic/engine/engine.h"
#include "acoustic/engine/ort.h"
#include "acoustic/operators/operator_kernels.h"

namespace fastctc::operators {

using Shape = std::vector<std::int64_t>;

struct Tensor {
  const void* data = nullptr;
  Shape shape;

  const float* floats() const { return static_cast<const float*>(data); }
  const std::int32_t* integers() const { return static_cast<const std::int32_t*>(data); }
  const std::int8_t* bytes() const { return static_cast<const std::int8_t*>(data); }
  std::size_t size(std::size_t axis) const { return static_cast<std::size_t>(shape.at(axis)); }
  // Of all axes but the last.
  std::size_t n_rows() const {
    std::size_t n = 1;
    for (std::size_t i = 0; i + 1 < shape.size(); ++i) n *= size(i);
    return n;
  }
};

// Raises EngineError with the library's reason.
void check(const OrtApi& api, OrtStatus* status);

// What a node is made of. Its constants live as long as the session.
class NodeInfo {
 public:
  NodeInfo(const OrtKernelInfo* info, const Calls& calls) : info_(info), calls_(calls) {}
  // Raises std::runtime_error when the input isn't constant.
  Tensor constant(std::size_t index) const;
  float attribute(const char* name) const;
  std::int64_t integer_attribute(const char* name) const;

 private:
  const OrtKernelInfo* info_;
  const Calls& calls_;
};

// One run of a node.
class NodeRun {
 public:
  NodeRun(OrtKernelContext* context, const Calls& calls) : context_(context), calls_(calls) {}

  Tensor input(std::size_t index) const;
  float* output(const Shape& shape) const;
  // Calls work(i) for i from 0 to n - 1, on the threads of the session.
  template <class Work>
  void for_each(std::size_t n, const Work& work) const {
    if (!calls_.parallel_for || n == 1) {
      for (std::size_t i = 0; i < n; ++i) work(i);
      return;
    }
    const auto call = [](void* data, std::size_t i) { (*static_cast<const Work*>(data))(i); };
    check(*calls_.api, calls_.parallel_for(context_, call, n, 0, const_cast<Work*>(&work)));
  }

 private:
  OrtKernelContext* context_;
  const Calls& calls_;
};

// An operator; a node of it is made by make(). Both run under a guard that turns exceptions into ONNX Runtime's errors.
class Node {
 public:
  virtual ~Node() = default;
  virtual void compute(const NodeRun& run) const = 0;
};

struct Operator {
  const char* name;
  const char* inputs;  // a letter each: f float32, b int8, i int32, l int64
  Node* (*make)(const NodeInfo& info, const Kernel& kernel);
};

extern const Operator kLinear, kLinearSilu, kLinearSigmoid, kLinearAdd;
extern const Operator kIntegerLinear, kIntegerLinearSilu, kIntegerLinearSigmoid, kIntegerLinearAdd;
extern const Operator kFixedIntegerLinear, kFixedIntegerLinearSilu, kFixedIntegerLinearSigmoid, kFixedIntegerLinearAdd;
extern const Operator kNormalize, kRelativeAttention, kRelativeAttentionCached;

// Memory of this thread that is kept between runs: at least so many floats, of no particular value.
float* scratch(std::size_t n_floats, std::size_t use);

inline void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

// What a product of x ends with in a run: the result's memory, and the residual, if an input (not 0) is one.
inline Ending ending_of_run(Ending ending, const NodeRun& run, const Tensor& x, std::size_t residual_input) {
  Shape shape = x.shape;
  shape.back() = static_cast<std::int64_t>(ending.n_outputs);
  if (residual_input != 0) {
    const Tensor residual = run.input(residual_input);
    require(residual.shape == shape, "its residual must have the shape of its result");
    ending.residual = residual.floats();
  }
  ending.y = run.output(shape);
  return ending;
}

}  // namespace fastctc::operators
