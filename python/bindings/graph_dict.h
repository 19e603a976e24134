// What a graph and its configuration tell, as Python values.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <vector>

#include "fastctc/acoustic_model.h"

namespace fastctc_bindings {

namespace py = pybind11;

py::dict graph_dict(const fastctc::GraphInfo& info);
// (name, value, source) of each.
std::vector<py::tuple> property_tuples(const std::vector<fastctc::Property>& properties);

}  // namespace fastctc_bindings
