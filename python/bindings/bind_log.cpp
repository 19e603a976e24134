// The library's messages go to logging.getLogger("fastctc").
#include <pybind11/pybind11.h>

#include <string>

#include "bindings.h"
#include "fastctc/log.h"

namespace py = pybind11;

namespace {

void to_python_logging(fastctc::LogLevel level, const std::string& message) {
  // The interpreter may be gone while a worker thread still runs.
  if (!Py_IsInitialized()) return;
  const py::gil_scoped_acquire gil;
  try {
    py::module_::import("logging").attr("getLogger")("fastctc").attr("log")(static_cast<int>(level), "%s", message);
  } catch (py::error_already_set& error) {
    // A broken logging handler must not stop recognition.
    error.discard_as_unraisable("fastctc logging");
  }
}

}  // namespace

void bind_log(py::module_&) {
  fastctc::set_log_callback(to_python_logging);
  py::module_::import("atexit").attr("register")(py::cpp_function([] { fastctc::set_log_callback(nullptr); }));
}
