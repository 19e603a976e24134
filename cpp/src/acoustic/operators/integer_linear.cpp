#include <algorithm>
#include <string>

#include "acoustic/operators/node.h"

namespace fastctc::operators {
namespace {

enum Scratch { kSteps = 5, kScales };

constexpr std::size_t kRowsAtOnce = 32;  // that are cut into steps; and as many can be read behind the last block
constexpr std::size_t kGapBytes = 64;    // rows whose addresses are a power of two apart share places of the cache
constexpr std::size_t kMostBytes = std::size_t{1} << 20;

std::size_t rounded_up(std::size_t n, std::size_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// Its weights are read as they lie in the model's file.
class IntegerLinear : public Node {
 public:
  IntegerLinear(const NodeInfo& info, const Kernel& kernel, bool is_fixed, Activation activation, bool has_residual)
      : kernel_(kernel), has_residual_(has_residual) {
    const Tensor weight = info.constant(1), scales = info.constant(2), sums = info.constant(3), bias = info.constant(4);
    require(bias.shape.size() == 1 && bias.shape[0] > 0, "its bias must be [n_outputs]");
    require(scales.shape == bias.shape && sums.shape == bias.shape, "its scales and sums must be [n_outputs]");
    n_panels_ = n_panels_of(bias.size(0));
    require(
        weight.shape.size() == 4 && weight.size(0) == n_panels_ && weight.size(1) > 0 &&
            weight.size(1) % (kInputBlock / kGroup) == 0 && weight.size(2) == kPanelColumns && weight.size(3) == kGroup,
        "its weights must be [panels, n_inputs / 4, 32, 4], n_inputs a multiple of 64, a panel for 32 values of its "
        "bias");
    product_.weight = weight.bytes();
    product_.column_scales = scales.floats();
    product_.sums = sums.integers();
    const std::int64_t zero = info.integer_attribute("zero");
    require(zero >= 0 && zero <= 255, "zero must be from 0 to 255");
    product_.zero = static_cast<std::int32_t>(zero);
    product_.n_inputs = weight.size(1) * kGroup;
    product_.x_stride = product_.n_inputs + kGapBytes;
    product_.ending = {bias.floats(), nullptr, nullptr, bias.size(0), bias.size(0), activation};
    quantization_.stride = product_.x_stride;
    quantization_.zero = product_.zero;
    if (is_fixed) {
      quantization_.scale = info.attribute("scale");
      require(quantization_.scale > 0, "its scale must be above 0");
    } else {
      quantization_.least = info.attribute("least");
      quantization_.n_steps = info.attribute("n_steps");
      require(quantization_.least > 0 && quantization_.n_steps > 0, "least and n_steps must be above 0");
    }
  }

  void compute(const NodeRun& run) const override {
    const Tensor x = run.input(0);
    const std::size_t n_columns = x.shape.empty() ? 0 : static_cast<std::size_t>(x.shape.back());
    if (n_columns == 0 || rounded_up(n_columns, kInputBlock) != product_.n_inputs) {
      throw std::runtime_error("its input must be [..., n_inputs], of weights for " +
                               std::to_string(product_.n_inputs) + " at most");
    }
    const Ending ending = ending_of_run(product_.ending, run, x, has_residual_ ? 5 : 0);
    run_blocks(x.floats(), n_columns, x.n_rows(), ending, run);
  }

 private:
  // Blocks of rows whose steps stay in the cache.
  void run_blocks(const float* x, std::size_t n_columns, std::size_t n_rows, const Ending& ending,
                  const NodeRun& run) const {
    const std::size_t most_rows = std::max(kMostBytes / product_.x_stride / kRowsAtOnce, std::size_t{1}) * kRowsAtOnce;
    const std::size_t n_scratch_rows = std::min(rounded_up(n_rows, kRowsAtOnce), most_rows);
    Quantization task = quantization_;
    task.n_columns = n_columns;
    task.steps = reinterpret_cast<std::uint8_t*>(scratch(n_scratch_rows * task.stride / sizeof(float), kSteps));
    task.scales = scratch(n_scratch_rows, kScales);
    IntegerProduct block = product_;
    block.x = task.steps;
    block.row_scales = task.scales;
    for (std::size_t row = 0; row < n_rows; row += block.n_rows) {
      block.n_rows = std::min(most_rows, n_rows - row);
      block.ending = ending.from_row(row);
      task.x = x + row * n_columns;
      run.for_each(rounded_up(block.n_rows, kRowsAtOnce) / kRowsAtOnce, [&](std::size_t i) {
        kernel_.quantize(task, i * kRowsAtOnce, std::min(block.n_rows, (i + 1) * kRowsAtOnce));
      });
      run.for_each(n_panels_, [&](std::size_t panel) { kernel_.multiply_integers(block, panel, panel + 1); });
    }
  }

  const Kernel& kernel_;
  bool has_residual_;
  Quantization quantization_{};
  IntegerProduct product_{};
  std::size_t n_panels_ = 0;
};

template <bool IS_FIXED, Activation ACTIVATION, bool HAS_RESIDUAL>
Node* make(const NodeInfo& info, const Kernel& kernel) {
  return new IntegerLinear(info, kernel, IS_FIXED, ACTIVATION, HAS_RESIDUAL);
}

}  // namespace

const Operator kIntegerLinear = {"IntegerLinear", "fbfif", make<false, Activation::none, false>};
const Operator kIntegerLinearSilu = {"IntegerLinearSilu", "fbfif", make<false, Activation::silu, false>};
const Operator kIntegerLinearSigmoid = {"IntegerLinearSigmoid", "fbfif", make<false, Activation::sigmoid, false>};
const Operator kIntegerLinearAdd = {"IntegerLinearAdd", "fbfiff", make<false, Activation::none, true>};
const Operator kFixedIntegerLinear = {"FixedIntegerLinear", "fbfif", make<true, Activation::none, false>};
const Operator kFixedIntegerLinearSilu = {"FixedIntegerLinearSilu", "fbfif", make<true, Activation::silu, false>};
const Operator kFixedIntegerLinearSigmoid = {"FixedIntegerLinearSigmoid", "fbfif",
                                             make<true, Activation::sigmoid, false>};
const Operator kFixedIntegerLinearAdd = {"FixedIntegerLinearAdd", "fbfiff", make<true, Activation::none, true>};

}  // namespace fastctc::operators
