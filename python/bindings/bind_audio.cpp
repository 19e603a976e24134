// Sample-rate conversion.
#include <pybind11/pybind11.h>

#include <atomic>
#include <utility>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "exclusive_use.h"
#include "fastctc/audio.h"

namespace py = pybind11;
using fastctc_bindings::audio_view;
using fastctc_bindings::ExclusiveUse;
using fastctc_bindings::FloatArray;

namespace {

py::array_t<float> to_array(std::vector<float>&& values) {
  const auto size = static_cast<py::ssize_t>(values.size());
  return fastctc_bindings::own(std::move(values), {size});
}

class PyResampler {
 public:
  PyResampler(int input_rate_hz, int output_rate_hz) : resampler_(input_rate_hz, output_rate_hz) {}

  py::array_t<float> push(const FloatArray& samples) {
    const fastctc::AudioView audio = audio_view(samples);
    std::vector<float> output;
    {
      const ExclusiveUse use(busy_, "Resampler");
      const py::gil_scoped_release release;  // no Python object is touched in this block
      resampler_.push(audio.samples, audio.n_samples, output);
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
}
