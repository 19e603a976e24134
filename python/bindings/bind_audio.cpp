// Sample-rate conversion.
#include <pybind11/pybind11.h>

#include <atomic>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "exclusive_use.h"
#include "fastctc/audio.h"
#include "fastctc/error.h"

namespace py = pybind11;
using fastctc_bindings::ExclusiveUse;
using fastctc_bindings::FloatArray;

namespace {

std::size_t check_mono(const FloatArray& samples) {
  if (samples.ndim() == 1) return static_cast<std::size_t>(samples.size());
  throw fastctc::AudioError("samples has " + std::to_string(samples.ndim()) + " dimensions; give mono samples, 1-D");
}

py::array_t<float> to_array(std::vector<float>&& values) {
  const auto size = static_cast<py::ssize_t>(values.size());
  return fastctc_bindings::own(std::move(values), {size});
}

class PyResampler {
 public:
  PyResampler(int input_rate_hz, int output_rate_hz) : resampler_(input_rate_hz, output_rate_hz) {}

  py::array_t<float> push(const FloatArray& samples) {
    const std::size_t n_samples = check_mono(samples);
    const float* data = samples.data();
    std::vector<float> output;
    {
      const ExclusiveUse use(busy_, "Resampler");
      const py::gil_scoped_release release;  // no Python object is touched in this block
      resampler_.push(data, n_samples, output);
    }
    return to_array(std::move(output));
  }

  py::array_t<float> finish() {
    std::vector<float> output;
    {
      const ExclusiveUse use(busy_, "Resampler");
      const py::gil_scoped_release release;  // no Python object is touched in this block
      resampler_.finish(output);
    }
    return to_array(std::move(output));
  }

  void reset() {
    const ExclusiveUse use(busy_, "Resampler");
    resampler_.reset();
  }

 private:
  fastctc::Resampler resampler_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

py::array_t<float> resample(const FloatArray& samples, int input_rate_hz, int output_rate_hz) {
  fastctc::AudioView audio;
  audio.n_samples = check_mono(samples);
  audio.samples = samples.data();
  audio.sample_rate_hz = input_rate_hz;
  std::vector<float> output;
  {
    const py::gil_scoped_release release;  // no Python object is touched in this block
    output = fastctc::resample(audio, output_rate_hz);
  }
  return to_array(std::move(output));
}

}  // namespace

void bind_audio(py::module_& module) {
  py::class_<PyResampler>(module, "Resampler",
                          "Streaming sample-rate conversion; one signal, one thread at a time. See fastctc/audio.h.")
      // The table of taps takes milliseconds, and touches no Python object.
      .def(py::init<int, int>(), py::arg("input_rate_hz"), py::arg("output_rate_hz"),
           py::call_guard<py::gil_scoped_release>())
      .def("push", &PyResampler::push, py::arg("samples").noconvert(),
           "Takes float32 samples [n]; returns those that are ready. Raises AudioError.")
      .def("finish", &PyResampler::finish, "The signal is over: returns the rest. Call once.")
      .def("reset", &PyResampler::reset, "Ready for another signal.");
  module.def("resample", &resample, py::arg("samples").noconvert(), py::arg("input_rate_hz"), py::arg("output_rate_hz"),
             "One shot: float32 samples [n] to [ceil(n * output / input)].");
}
