// Paths as Python gives them.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace fastctc_bindings {

// The bytes of a str or os.PathLike as the system has them; on Windows UTF-8.
inline std::string path_bytes(const pybind11::object& path) {
  return pybind11::cast<std::string>(pybind11::module_::import("os").attr("fsencode")(path));
}

}  // namespace fastctc_bindings
