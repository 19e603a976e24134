#include "acoustic/operators/operators.h"

#include <array>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "acoustic/operators/node.h"
#include "fastctc/error.h"

namespace fastctc::operators {
namespace {

Tensor tensor_of(const OrtApi& api, const OrtValue* value) {
  void* data = nullptr;
  check(api, api.GetTensorMutableData(const_cast<OrtValue*>(value), &data));
  OrtTensorTypeAndShapeInfo* raw = nullptr;
  check(api, api.GetTensorTypeAndShape(value, &raw));
  const std::unique_ptr<OrtTensorTypeAndShapeInfo, decltype(api.ReleaseTensorTypeAndShapeInfo)> info(
      raw, api.ReleaseTensorTypeAndShapeInfo);
  std::size_t rank = 0;
  check(api, api.GetDimensionsCount(info.get(), &rank));
  Shape shape(rank);
  check(api, api.GetDimensions(info.get(), shape.data(), rank));
  return {data, std::move(shape)};
}

ONNXTensorElementDataType type_of(char letter) {
  switch (letter) {
    case 'b':
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8;
    case 'i':
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32;
    case 'l':
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
    default:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  }
}

// No exception passes through ONNX Runtime.
template <class Action>
OrtStatus* guarded(const OrtApi& api, const char* name, const Action& action) {
  std::string reason;
  try {
    action();
    return nullptr;
  } catch (const std::exception& error) {
    reason = "fastctc's operator " + std::string(name) + ": " + error.what() + ".";
  }
  return api.CreateStatus(ORT_INVALID_GRAPH, reason.c_str());
}

struct Registered : OrtCustomOp {
  Registered(const Operator& its_kind, const Kernel& its_kernel, const Calls& its_calls)
      : OrtCustomOp{}, kind(its_kind), kernel(its_kernel), calls(its_calls) {
    version = kOrtApiVersion;
    GetName = [](const OrtCustomOp* self) { return of(self).kind.name; };
    GetExecutionProviderType = [](const OrtCustomOp*) -> const char* { return nullptr; };
    GetInputTypeCount = [](const OrtCustomOp* self) { return std::strlen(of(self).kind.inputs); };
    GetInputType = [](const OrtCustomOp* self, std::size_t index) { return type_of(of(self).kind.inputs[index]); };
    GetOutputTypeCount = [](const OrtCustomOp*) -> std::size_t { return 1; };
    GetOutputType = [](const OrtCustomOp*, std::size_t) { return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; };
    GetInputCharacteristic = [](const OrtCustomOp*, std::size_t) { return INPUT_OUTPUT_REQUIRED; };
    GetOutputCharacteristic = GetInputCharacteristic;
    GetInputMemoryType = [](const OrtCustomOp*, std::size_t) { return OrtMemTypeDefault; };
    GetVariadicInputMinArity = [](const OrtCustomOp*) { return 0; };
    GetVariadicInputHomogeneity = GetVariadicInputMinArity;
    GetVariadicOutputMinArity = GetVariadicInputMinArity;
    GetVariadicOutputHomogeneity = GetVariadicInputMinArity;
    CreateKernelV2 = [](const OrtCustomOp* self, const OrtApi*, const OrtKernelInfo* info, void** node) {
      const Registered& own = of(self);
      return guarded(*own.calls.api, own.kind.name, [&] {
        *node = new Made{own, std::unique_ptr<const Node>(own.kind.make(NodeInfo(info, own.calls), own.kernel))};
      });
    };
    KernelComputeV2 = [](void* node, OrtKernelContext* context) {
      const Made& made = *static_cast<const Made*>(node);
      const Registered& own = made.own;
      return guarded(*own.calls.api, own.kind.name, [&] { made.node->compute(NodeRun(context, own.calls)); });
    };
    KernelDestroy = [](void* node) { delete static_cast<Made*>(node); };
  }

  struct Made {
    const Registered& own;
    std::unique_ptr<const Node> node;
  };

  static const Registered& of(const OrtCustomOp* self) { return *static_cast<const Registered*>(self); }

  const Operator& kind;
  const Kernel& kernel;
  Calls calls;
};

OrtCustomOpDomain* make_domain(const Kernel& kernel, const Calls& calls) {
  const OrtApi& api = *calls.api;
  OrtCustomOpDomain* domain = nullptr;
  check(api, api.CreateCustomOpDomain(kDomain, &domain));
  for (const Operator* kind : {&kLinear, &kLinearSilu, &kLinearSigmoid, &kLinearAdd, &kIntegerLinear,
                               &kIntegerLinearSilu, &kIntegerLinearSigmoid, &kIntegerLinearAdd, &kFixedIntegerLinear,
                               &kFixedIntegerLinearSilu, &kFixedIntegerLinearSigmoid, &kFixedIntegerLinearAdd,
                               &kNormalize, &kRelativeAttention, &kRelativeAttentionCached}) {
    check(api, api.CustomOpDomain_Add(domain, new Registered(*kind, kernel, calls)));
  }
  return domain;
}

}  // namespace

Tensor NodeInfo::constant(std::size_t index) const {
  int is_constant = 0;
  const OrtValue* value = nullptr;
  check(*calls_.api, calls_.api->KernelInfoGetConstantInput_tensor(info_, index, &is_constant, &value));
  require(is_constant && value, "its weights must be constants");
  return tensor_of(*calls_.api, value);
}

float NodeInfo::attribute(const char* name) const {
  float value = 0;
  check(*calls_.api, calls_.api->KernelInfoGetAttribute_float(info_, name, &value));
  return value;
}

std::int64_t NodeInfo::integer_attribute(const char* name) const {
  std::int64_t value = 0;
  check(*calls_.api, calls_.api->KernelInfoGetAttribute_int64(info_, name, &value));
  return value;
}

Tensor NodeRun::input(std::size_t index) const {
  const OrtValue* value = nullptr;
  check(*calls_.api, calls_.api->KernelContext_GetInput(context_, index, &value));
  return tensor_of(*calls_.api, value);
}

float* NodeRun::output(const Shape& shape) const {
  OrtValue* value = nullptr;
  check(*calls_.api, calls_.api->KernelContext_GetOutput(context_, 0, shape.data(), shape.size(), &value));
  void* data = nullptr;
  check(*calls_.api, calls_.api->GetTensorMutableData(value, &data));
  return static_cast<float*>(data);
}

float* scratch(std::size_t n_floats, std::size_t use) {
  constexpr std::size_t kUses = 8;
  thread_local std::array<std::vector<float>, kUses> memory;
  std::vector<float>& own = memory.at(use);
  if (own.size() < n_floats) own.resize(n_floats);
  return own.data();
}

void check(const OrtApi& api, OrtStatus* status) {
  if (!status) return;
  const std::string reason = api.GetErrorMessage(status);
  api.ReleaseStatus(status);
  throw EngineError(reason);
}

void add_operators(OrtSessionOptions* options, const Kernel& kernel, const Calls& calls) {
  static std::mutex mutex;
  // Never destroyed: sessions may outlive any static.
  static auto& domains = *new std::map<std::pair<const Kernel*, const OrtApi*>, OrtCustomOpDomain*>();
  const std::lock_guard<std::mutex> lock(mutex);
  OrtCustomOpDomain*& domain = domains[{&kernel, calls.api}];
  if (!domain) domain = make_domain(kernel, calls);
  check(*calls.api, calls.api->AddCustomOpDomain(options, domain));
}

}  // namespace fastctc::operators

extern "C" OrtStatus* ORT_API_CALL RegisterCustomOps(OrtSessionOptions* options, const OrtApiBase* base) {
  namespace operators = fastctc::operators;
  try {
    const operators::Kernel* kernel = operators::choose_kernel("automatic");
    if (kernel) operators::add_operators(options, *kernel, fastctc::calls_of(base, "This library"));
    return nullptr;
  } catch (const std::exception& error) {
    return base->GetApi(1)->CreateStatus(ORT_FAIL, error.what());
  }
}
