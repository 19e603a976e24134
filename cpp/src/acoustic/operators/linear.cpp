#include <algorithm>
#include <string>

#include "acoustic/operators/node.h"

namespace fastctc::operators {
namespace {

// Rows whose addresses are a power of two apart fall into the same few places of the cache, so they are copied with a
// gap; as many at a time as stay there.
constexpr std::size_t kConflictFloats = 256;
constexpr std::size_t kGapFloats = 16;
constexpr std::size_t kMostCopiedFloats = std::size_t{1} << 18;

const float* with_gaps(const Product& product) {
  float* copy = scratch(product.n_rows * product.x_stride, 0);
  for (std::size_t row = 0; row < product.n_rows; ++row) {
    std::copy_n(product.x + row * product.n_inputs, product.n_inputs, copy + row * product.x_stride);
  }
  return copy;
}

// Its weights are read as they lie in the model's file.
class Linear : public Node {
 public:
  Linear(const NodeInfo& info, const Kernel& kernel, Activation activation, bool has_residual)
      : kernel_(kernel), has_residual_(has_residual) {
    const Tensor weight = info.constant(1);
    const Tensor bias = info.constant(2);
    require(bias.shape.size() == 1 && bias.shape[0] > 0, "its bias must be [n_outputs]");
    Ending& ending = product_.ending;
    ending = {bias.floats(), nullptr, nullptr, bias.size(0), bias.size(0), activation};
    n_panels_ = n_panels_of(ending.n_outputs);
    require(weight.shape.size() == 3 && weight.size(0) == n_panels_ && weight.size(1) > 0 &&
                weight.size(2) == kPanelColumns,
            "its weights must be [panels, n_inputs, 32], a panel for 32 values of its bias");
    product_.n_inputs = weight.size(1);
    product_.weight = weight.floats();
  }

  void compute(const NodeRun& run) const override {
    const Tensor x = run.input(0);
    if (x.shape.empty() || x.shape.back() != static_cast<std::int64_t>(product_.n_inputs)) {
      throw std::runtime_error("its input must be [..., " + std::to_string(product_.n_inputs) + "]");
    }
    Product whole = product_;
    whole.x = x.floats();
    whole.n_rows = x.n_rows();
    whole.ending = ending_of_run(product_.ending, run, x, has_residual_ ? 3 : 0);
    run_blocks(whole, run);
  }

 private:
  // Blocks of rows, of equal height to one row.
  void run_blocks(const Product& whole, const NodeRun& run) const {
    const std::size_t gap = whole.n_inputs % kConflictFloats == 0 && whole.n_rows > 1 ? kGapFloats : 0;
    const std::size_t stride = whole.n_inputs + gap;
    const std::size_t most_rows = std::max<std::size_t>(kMostCopiedFloats / stride, 1);
    std::size_t row = 0;
    for (std::size_t n_left = (whole.n_rows + most_rows - 1) / most_rows; n_left > 0; --n_left) {
      Product block = whole;
      block.n_rows = (whole.n_rows - row + n_left - 1) / n_left;
      block.x = whole.x + row * whole.n_inputs;
      block.x_stride = stride;
      block.ending = whole.ending.from_row(row);
      if (gap) block.x = with_gaps(block);
      run.for_each(n_panels_, [&](std::size_t panel) { kernel_.multiply(block, panel, panel + 1); });
      row += block.n_rows;
    }
  }

  const Kernel& kernel_;
  bool has_residual_;
  Product product_{};
  std::size_t n_panels_ = 0;
};

template <Activation ACTIVATION, bool HAS_RESIDUAL>
Node* make(const NodeInfo& info, const Kernel& kernel) {
  return new Linear(info, kernel, ACTIVATION, HAS_RESIDUAL);
}

}  // namespace

const Operator kLinear = {"Linear", "fff", make<Activation::none, false>};
const Operator kLinearSilu = {"LinearSilu", "fff", make<Activation::silu, false>};
const Operator kLinearSigmoid = {"LinearSigmoid", "fff", make<Activation::sigmoid, false>};
const Operator kLinearAdd = {"LinearAdd", "ffff", make<Activation::none, true>};

}  // namespace fastctc::operators
