// The array types of the bindings, declared once.
#pragma once

#include <pybind11/numpy.h>

#include <memory>
#include <utility>
#include <vector>

namespace fastctc_bindings {

namespace py = pybind11;

// C-contiguous float32; other dtypes and layouts are a TypeError here: the Python layer converts, once.
using FloatArray = py::array_t<float, py::array::c_style>;

// An array over a vector's own memory: no copy, freed with the array.
inline py::array_t<float> own(std::vector<float>&& values, std::vector<py::ssize_t> shape) {
  auto holder = std::make_unique<std::vector<float>>(std::move(values));
  float* data = holder->data();
  py::capsule capsule(holder.get(), [](void* pointer) { delete static_cast<std::vector<float>*>(pointer); });
  holder.release();
  return py::array_t<float>(std::move(shape), data, std::move(capsule));
}

}  // namespace fastctc_bindings
