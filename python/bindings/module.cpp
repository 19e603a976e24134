// The Python module: a table of contents. Bindings validate and convert, never compute.
#include <pybind11/pybind11.h>

#include "bindings.h"
#include "fastctc/version.h"

namespace py = pybind11;

// Without the GIL too: what is shared is immutable or guards itself, what belongs to one thread refuses a second.
PYBIND11_MODULE(_core, module, py::mod_gil_not_used()) {
  module.doc() = "C++ core of fastctc; use it through the fastctc package.";
  module.attr("__version__") = FASTCTC_VERSION;
  bind_errors(module);
  bind_log(module);
  bind_audio(module);
  bind_frontend(module);
  bind_acoustic_model(module);
  bind_streaming_model(module);
  bind_speech_detector(module);
  bind_vocabulary(module);
  bind_language_model(module);
  bind_lexicon(module);
  bind_hot_words(module);
  bind_decoder(module);
  bind_recognizer(module);
  bind_conversation(module);
  bind_long_form(module);
  bind_stream(module);
}
