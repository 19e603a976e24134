// The array types of the bindings, declared once.
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fastctc/error.h"
#include "fastctc/types.h"

namespace fastctc_bindings {

namespace py = pybind11;

// C-contiguous float32; other dtypes and layouts are a TypeError here: the Python layer converts, once.
using FloatArray = py::array_t<float, py::array::c_style>;

// Raises OptionError that names the argument.
inline void require_dimensions(const FloatArray& array, py::ssize_t n_dimensions, const char* name) {
  if (array.ndim() != n_dimensions) {
    throw fastctc::OptionError(std::string(name) + " must have " + std::to_string(n_dimensions) +
                               " dimension(s), not " + std::to_string(array.ndim()) + ".");
  }
}

// A view of mono samples. Raises AudioError.
inline fastctc::AudioView audio_view(const FloatArray& samples, int sample_rate_hz = 0) {
  if (samples.ndim() != 1) {
    throw fastctc::AudioError("The samples must be one-dimensional, not of " + std::to_string(samples.ndim()) +
                              " dimensions; choose a channel first.");
  }
  return {samples.data(), static_cast<std::size_t>(samples.size()), sample_rate_hz};
}

// An array over a vector's own memory: no copy, freed with the array.
inline py::array_t<float> own(std::vector<float>&& values, std::vector<py::ssize_t> shape) {
  auto holder = std::make_unique<std::vector<float>>(std::move(values));
  float* data = holder->data();
  py::capsule capsule(holder.get(), [](void* pointer) { delete static_cast<std::vector<float>*>(pointer); });
  holder.release();
  return py::array_t<float>(std::move(shape), data, std::move(capsule));
}

}  // namespace fastctc_bindings
