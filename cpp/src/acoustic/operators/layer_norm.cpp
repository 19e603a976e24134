#include <algorithm>

#include "acoustic/operators/node.h"

namespace fastctc::operators {
namespace {

constexpr std::size_t kRowsAtOnce = 64;

class Normalize : public Node {
 public:
  Normalize(const NodeInfo& info, const Kernel& kernel)
      : kernel_(kernel), weight_(info.constant(1)), bias_(info.constant(2)), epsilon_(info.attribute("epsilon")) {
    require(weight_.shape.size() == 1 && weight_.size(0) > 0 && bias_.shape == weight_.shape,
            "its weight and bias must be [n_columns]");
  }

  void compute(const NodeRun& run) const override {
    const Tensor x = run.input(0);
    require(!x.shape.empty() && x.shape.back() == weight_.shape[0],
            "the last axis of its input must be as long as its weight");
    const std::size_t n_rows = x.n_rows();
    const Normalization task = {x.floats(),          weight_.floats(), bias_.floats(),
                                run.output(x.shape), weight_.size(0),  epsilon_};
    run.for_each((n_rows + kRowsAtOnce - 1) / kRowsAtOnce, [&](std::size_t i) {
      kernel_.normalize(task, i * kRowsAtOnce, std::min(n_rows, (i + 1) * kRowsAtOnce));
    });
  }

 private:
  const Kernel& kernel_;
  Tensor weight_;
  Tensor bias_;
  float epsilon_;
};

}  // namespace

const Operator kNormalize = {"Normalize", "fff", [](const NodeInfo& info, const Kernel& kernel) -> Node* {
                               return new Normalize(info, kernel);
                             }};

}  // namespace fastctc::operators
