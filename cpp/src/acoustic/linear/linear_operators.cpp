#include "acoustic/linear/linear_operators.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace fastctc {
namespace {

using Shape = std::vector<std::int64_t>;

// Rows whose addresses are a power of two apart fall into the same few places of the cache, so they are copied with a
// gap; as many at a time as stay there.
constexpr std::size_t kConflictFloats = 256;
constexpr std::size_t kGapFloats = 16;
constexpr std::size_t kMostCopiedFloats = std::size_t{1} << 18;

struct Kind {
  const char* name;
  LinearActivation activation;
  bool has_residual;
};

constexpr Kind kKinds[] = {{"Linear", LinearActivation::none, false},
                           {"LinearSilu", LinearActivation::silu, false},
                           {"LinearSigmoid", LinearActivation::sigmoid, false},
                           {"LinearAdd", LinearActivation::none, true}};

struct Tensor {
  const float* data;
  Shape shape;
};

Tensor tensor(const OrtValue* value) {
  const OrtApi& api = ort::GetApi();
  void* data = nullptr;
  ort::ThrowOnError(api.GetTensorMutableData(const_cast<OrtValue*>(value), &data));
  OrtTensorTypeAndShapeInfo* raw = nullptr;
  ort::ThrowOnError(api.GetTensorTypeAndShape(value, &raw));
  const std::unique_ptr<OrtTensorTypeAndShapeInfo, decltype(api.ReleaseTensorTypeAndShapeInfo)> info(
      raw, api.ReleaseTensorTypeAndShapeInfo);
  std::size_t rank = 0;
  ort::ThrowOnError(api.GetDimensionsCount(info.get(), &rank));
  Shape shape(rank);
  ort::ThrowOnError(api.GetDimensions(info.get(), shape.data(), rank));
  return {static_cast<const float*>(data), std::move(shape)};
}

Tensor input(OrtKernelContext* context, std::size_t index) {
  const OrtValue* value = nullptr;
  ort::ThrowOnError(ort::GetApi().KernelContext_GetInput(context, index, &value));
  return tensor(value);
}

Tensor constant(const OrtKernelInfo* info, std::size_t index) {
  int is_constant = 0;
  const OrtValue* value = nullptr;
  ort::ThrowOnError(ort::GetApi().KernelInfoGetConstantInput_tensor(info, index, &is_constant, &value));
  if (!is_constant || !value) throw std::runtime_error("its weights and bias must be constants");
  return tensor(value);
}

// A node: its weights, as they lie in the model's file.
class Linear {
 public:
  Linear(const OrtKernelInfo* info, const Kind& kind, const LinearKernel& kernel, ParallelFor parallel_for)
      : kind_(kind), kernel_(kernel), parallel_for_(parallel_for) {
    const Tensor weight = constant(info, 1);
    const Tensor bias = constant(info, 2);
    if (bias.shape.size() != 1 || bias.shape[0] < 1) throw std::runtime_error("its bias must be [n_outputs]");
    task_.n_outputs = static_cast<std::size_t>(bias.shape[0]);
    n_panels_ = linear_panels(task_.n_outputs);
    if (weight.shape.size() != 3 || weight.shape[0] != static_cast<std::int64_t>(n_panels_) || weight.shape[1] < 1 ||
        weight.shape[2] != static_cast<std::int64_t>(kPanelColumns)) {
      throw std::runtime_error("its weights must be [panels, n_inputs, 32], a panel for 32 values of its bias");
    }
    task_.n_inputs = static_cast<std::size_t>(weight.shape[1]);
    task_.weight = weight.data;
    task_.bias = bias.data;
    task_.activation = kind.activation;
  }

  void compute(OrtKernelContext* context) const {
    const Tensor x = input(context, 0);
    if (x.shape.empty() || x.shape.back() != static_cast<std::int64_t>(task_.n_inputs)) {
      throw std::runtime_error("its input must be [..., " + std::to_string(task_.n_inputs) + "]");
    }
    Shape shape = x.shape;
    shape.back() = static_cast<std::int64_t>(task_.n_outputs);
    LinearTask task = task_;
    task.x = x.data;
    task.n_rows = 1;
    for (std::size_t i = 0; i + 1 < shape.size(); ++i) task.n_rows *= static_cast<std::size_t>(shape[i]);
    task.residual = nullptr;
    if (kind_.has_residual) {
      const Tensor residual = input(context, 3);
      if (residual.shape != shape) throw std::runtime_error("its residual must have the shape of its result");
      task.residual = residual.data;
    }
    OrtValue* result = nullptr;
    void* y = nullptr;
    ort::ThrowOnError(ort::GetApi().KernelContext_GetOutput(context, 0, shape.data(), shape.size(), &result));
    ort::ThrowOnError(ort::GetApi().GetTensorMutableData(result, &y));
    task.y = static_cast<float*>(y);
    run_blocks(task, context);
  }

 private:
  // Blocks of rows, of equal height to one row.
  void run_blocks(const LinearTask& whole, OrtKernelContext* context) const {
    const std::size_t gap = whole.n_inputs % kConflictFloats == 0 && whole.n_rows > 1 ? kGapFloats : 0;
    const std::size_t stride = whole.n_inputs + gap;
    const std::size_t most_rows = std::max<std::size_t>(kMostCopiedFloats / stride, 1);
    const std::size_t n_blocks = (whole.n_rows + most_rows - 1) / most_rows;
    std::size_t row = 0;
    for (std::size_t n_left = n_blocks; n_left > 0; --n_left) {
      LinearTask task = whole;
      task.n_rows = (whole.n_rows - row + n_left - 1) / n_left;
      task.x = whole.x + row * whole.n_inputs;
      task.x_stride = stride;
      task.y = whole.y + row * whole.n_outputs;
      if (whole.residual) task.residual = whole.residual + row * whole.n_outputs;
      if (gap) task.x = with_gaps(task);
      run_panels(task, context);
      row += task.n_rows;
    }
  }

  static const float* with_gaps(const LinearTask& task) {
    thread_local std::vector<float> copy;
    if (copy.size() < task.n_rows * task.x_stride) copy.resize(task.n_rows * task.x_stride);
    for (std::size_t row = 0; row < task.n_rows; ++row) {
      std::copy_n(task.x + row * task.n_inputs, task.n_inputs, copy.data() + row * task.x_stride);
    }
    return copy.data();
  }

  void run_panels(const LinearTask& task, OrtKernelContext* context) const {
    if (!parallel_for_) return kernel_.compute(task, 0, n_panels_);
    struct Panels {
      const LinearKernel& kernel;
      const LinearTask& task;
    } panels{kernel_, task};
    const auto compute_panel = [](void* data, std::size_t panel) {
      const Panels& own = *static_cast<const Panels*>(data);
      own.kernel.compute(own.task, panel, panel + 1);
    };
    ort::ThrowOnError(parallel_for_(context, compute_panel, n_panels_, 0, &panels));
  }

  const Kind& kind_;
  const LinearKernel& kernel_;
  ParallelFor parallel_for_;
  LinearTask task_{};
  std::size_t n_panels_ = 0;
};

// What ONNX Runtime calls. No exception passes through it.
template <class Action>
OrtStatus* guarded(const char* name, const Action& action) {
  std::string reason;
  try {
    action();
    return nullptr;
  } catch (const std::exception& error) {
    reason = error.what();
  }
  return ort::GetApi().CreateStatus(ORT_INVALID_GRAPH,
                                    ("fastctc's operator " + std::string(name) + ": " + reason).c_str());
}

struct Operator : OrtCustomOp {
  Operator(const Kind& its_kind, const LinearKernel& its_kernel, ParallelFor its_parallel_for)
      : OrtCustomOp{}, kind(its_kind), kernel(its_kernel), parallel_for(its_parallel_for) {
    version = kOrtApiVersion;
    GetName = [](const OrtCustomOp* self) { return of(self).kind.name; };
    GetExecutionProviderType = [](const OrtCustomOp*) -> const char* { return nullptr; };
    GetInputTypeCount = [](const OrtCustomOp* self) -> std::size_t { return of(self).kind.has_residual ? 4 : 3; };
    GetInputType = [](const OrtCustomOp*, std::size_t) { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; };
    GetOutputTypeCount = [](const OrtCustomOp*) -> std::size_t { return 1; };
    GetOutputType = GetInputType;
    GetInputCharacteristic = [](const OrtCustomOp*, std::size_t) { return INPUT_OUTPUT_REQUIRED; };
    GetOutputCharacteristic = GetInputCharacteristic;
    GetInputMemoryType = [](const OrtCustomOp*, std::size_t) { return OrtMemTypeDefault; };
    GetVariadicInputMinArity = [](const OrtCustomOp*) { return 0; };
    GetVariadicInputHomogeneity = GetVariadicInputMinArity;
    GetVariadicOutputMinArity = GetVariadicInputMinArity;
    GetVariadicOutputHomogeneity = GetVariadicInputMinArity;
    CreateKernelV2 = [](const OrtCustomOp* self, const OrtApi*, const OrtKernelInfo* info, void** node) {
      const Operator& own = of(self);
      return guarded(own.kind.name, [&] { *node = new Linear(info, own.kind, own.kernel, own.parallel_for); });
    };
    KernelComputeV2 = [](void* node, OrtKernelContext* context) {
      return guarded("Linear", [&] { static_cast<const Linear*>(node)->compute(context); });
    };
    KernelDestroy = [](void* node) { delete static_cast<Linear*>(node); };
  }

  static const Operator& of(const OrtCustomOp* self) { return *static_cast<const Operator*>(self); }

  const Kind& kind;
  const LinearKernel& kernel;
  ParallelFor parallel_for;
};

OrtCustomOpDomain* make_domain(const LinearKernel& kernel, ParallelFor parallel_for) {
  const OrtApi& api = ort::GetApi();
  OrtCustomOpDomain* domain = nullptr;
  ort::ThrowOnError(api.CreateCustomOpDomain(kLinearDomain, &domain));
  for (const Kind& kind : kKinds) {
    ort::ThrowOnError(api.CustomOpDomain_Add(domain, new Operator(kind, kernel, parallel_for)));
  }
  return domain;
}

}  // namespace

void add_linear_operators(ort::SessionOptions& options, const LinearKernel& kernel, const Engine& running) {
  static std::mutex mutex;
  static std::map<const LinearKernel*, OrtCustomOpDomain*> domains;  // never destroyed: sessions may outlive any static
  const std::lock_guard<std::mutex> lock(mutex);
  OrtCustomOpDomain*& domain = domains[&kernel];
  if (!domain) domain = make_domain(kernel, running.parallel_for);
  ort::ThrowOnError(ort::GetApi().AddCustomOpDomain(options, domain));
}

}  // namespace fastctc
