// How Python's objects hold those of the core.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

namespace fastctc_bindings {

// Closing a session joins its threads, and they may be waiting for the GIL to log: whatever may hold the last reference
// to a session is destroyed without it.
struct DeleteWithoutGil {
  template <class T>
  void operator()(T* object) const {
    const pybind11::gil_scoped_release release;
    delete object;
  }
};
template <class T>
using Held = std::unique_ptr<T, DeleteWithoutGil>;

}  // namespace fastctc_bindings
