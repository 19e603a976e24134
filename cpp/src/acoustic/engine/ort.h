// ONNX Runtime's official C++ header, for the files of acoustic/ only.
#pragma once

// The library is opened at run time, so nothing of it may be called before engine().
#define ORT_API_MANUAL_INIT
// The header keeps the API table in a weak global, Ort::Global<void>::api_. Under a name of our own, a program that
// links fastctc statically and uses ONNX Runtime itself doesn't share it with us.
#define Ort fastctc_ort
#include <onnxruntime_cxx_api.h>
#undef Ort
#undef NO_EXCEPTION  // old headers define it

#include <cstddef>

namespace fastctc {

namespace ort = ::fastctc_ort;

// The oldest API that has every call made here. Asking for no more lets one build run with every library since then,
// whatever header it was compiled against.
constexpr unsigned kOrtApiVersion = 16;
// The API of one later call, which is left out if the library lacks it.
constexpr unsigned kParallelForVersion = 17;
// The part of the table that these libraries have; its last entry is the last of 1.16.
constexpr std::size_t kOrtApiBytes = offsetof(OrtApi, KernelContext_GetResource) + sizeof(void*);

// Value::GetTensorData of headers since 1.23 calls what older libraries don't have.
template <class T>
const T* tensor_data(const ort::Value& value) {
  OrtValue* handle = value;
  void* data = nullptr;
  ort::ThrowOnError(ort::GetApi().GetTensorMutableData(handle, &data));
  return static_cast<const T*>(data);
}

}  // namespace fastctc
