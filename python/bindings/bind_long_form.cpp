// A recording of any length, pushed piece by piece.
#include <pybind11/pybind11.h>

#include <atomic>
#include <memory>
#include <string>

#include "arrays.h"
#include "bindings.h"
#include "exclusive_use.h"
#include "fastctc/long_form.h"
#include "fastctc/recognizer.h"
#include "holders.h"
#include "options.h"
#include "transcripts.h"

namespace {

using namespace fastctc_bindings;

class PyLongForm {
 public:
  PyLongForm(const fastctc::Recognizer& recognizer, const fastctc::LongFormOptions& options)
      : long_form_(recognizer, options) {}
  PyLongForm(const fastctc::Recognizer& recognizer, const std::string& text, const fastctc::LongFormOptions& options)
      : long_form_(recognizer, text, options) {}

  void push(const FloatArray& samples, int sample_rate_hz) {
    const fastctc::AudioView audio = audio_view(samples, sample_rate_hz);
    const ExclusiveUse use(busy_, "LongForm");
    // `samples` stays alive: the caller's frame holds it.
    const py::gil_scoped_release release;
    long_form_.push(audio);
  }

  py::tuple finish() {
    fastctc::Transcript transcript;
    {
      const ExclusiveUse use(busy_, "LongForm");
      const py::gil_scoped_release release;  // no Python object is touched in this block
      transcript = long_form_.finish();
    }
    return to_python(transcript);
  }

  double done_s() {
    const ExclusiveUse use(busy_, "LongForm");
    return long_form_.done_s();
  }

 private:
  fastctc::LongForm long_form_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

}  // namespace

void bind_long_form(py::module_& module) {
  py::class_<PyLongForm, Held<PyLongForm>>(module, "LongForm",
                                           "A recording of any length; one thread at a time. See fastctc/long_form.h.")
      .def(py::init([](const fastctc::Recognizer& recognizer, const py::dict& fields) {
             const fastctc::LongFormOptions options = fastctc_bindings::options_of<fastctc::LongFormOptions>(fields);
             // Graphs may be opened; `recognizer` is held by the caller, and messages take the GIL themselves.
             const py::gil_scoped_release release;
             return Held<PyLongForm>(new PyLongForm(recognizer, options));
           }),
           py::arg("recognizer"), py::arg("options") = py::dict())
      .def_static(
          "align",
          [](const fastctc::Recognizer& recognizer, const std::string& text, const py::dict& fields) {
            const fastctc::LongFormOptions options = fastctc_bindings::options_of<fastctc::LongFormOptions>(fields);
            // As above.
            const py::gil_scoped_release release;
            return Held<PyLongForm>(new PyLongForm(recognizer, text, options));
          },
          py::arg("recognizer"), py::arg("text"), py::arg("options") = py::dict(),
          "One whose text is known: finish() tells when it is said.")
      .def("push", &PyLongForm::push, py::arg("samples").noconvert(), py::arg("sample_rate_hz") = 0,
           "Takes float32 samples [n]; rate 0: that before, else the model's.")
      .def("finish", &PyLongForm::finish, "The whole transcript, as a tuple. Call once.")
      .def_property_readonly("done_s", &PyLongForm::done_s, "Seconds of audio that are recognised.");
}
