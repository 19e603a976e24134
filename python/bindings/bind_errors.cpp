// C++ errors become the classes of fastctc.errors, message kept.
#include <pybind11/pybind11.h>

#include <exception>
#include <string>

#include "bindings.h"
#include "fastctc/error.h"

namespace py = pybind11;

namespace {

void raise(const char* name, const fastctc::Error& error) {
  const py::object type = py::module_::import("fastctc.errors").attr(name);
  // A message may name a path, which need not be UTF-8.
  const std::string message = error.what();
  const py::object text = py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(message.data(), static_cast<Py_ssize_t>(message.size()), "backslashreplace"));
  if (text) PyErr_SetObject(type.ptr(), text.ptr());
}

// Most derived first.
void translate(std::exception_ptr pointer) {
  try {
    if (pointer) std::rethrow_exception(pointer);
  } catch (const fastctc::ModelNotFoundError& error) {
    raise("ModelNotFoundError", error);
  } catch (const fastctc::VocabularyError& error) {
    raise("VocabularyError", error);
  } catch (const fastctc::ModelError& error) {
    raise("ModelError", error);
  } catch (const fastctc::AudioError& error) {
    raise("AudioError", error);
  } catch (const fastctc::AlignmentError& error) {
    raise("AlignmentError", error);
  } catch (const fastctc::OptionError& error) {
    raise("OptionError", error);
  } catch (const fastctc::EngineNotFoundError& error) {
    raise("EngineNotFoundError", error);
  } catch (const fastctc::EngineError& error) {
    raise("EngineError", error);
  } catch (const fastctc::Error& error) {
    raise("Error", error);
  }
}

}  // namespace

void bind_errors(py::module_&) { py::register_local_exception_translator(translate); }
