#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "fastctc/acoustic_model.h"
#include "fastctc/error.h"
#include "fastctc/session_cache.h"
#include "graph_dict.h"
#include "holders.h"
#include "options.h"

namespace py = pybind11;
using fastctc::AcousticModel;
using fastctc_bindings::FloatArray;
using fastctc_bindings::graph_dict;
using fastctc_bindings::Held;
using fastctc_bindings::property_tuples;

namespace {

py::dict engine_dict(const fastctc::EngineInfo& info) {
  py::dict result;
  result["library"] = info.library;
  result["version"] = info.version;
  result["providers"] = info.providers;
  return result;
}

py::list tensor_list(const std::vector<fastctc::GraphInfo::Tensor>& tensors) {
  py::list result;
  for (const auto& tensor : tensors) {
    py::dict entry;
    entry["name"] = tensor.name;
    entry["type"] = tensor.type;
    entry["shape"] = tensor.shape;
    result.append(std::move(entry));
  }
  return result;
}

const char* layout_name(fastctc::InputLayout layout) {
  switch (layout) {
    case fastctc::InputLayout::feature_major:
      return "feature_major";
    case fastctc::InputLayout::frame_major:
      return "frame_major";
    case fastctc::InputLayout::waveform:
      break;
  }
  return "waveform";
}

}  // namespace

py::dict fastctc_bindings::graph_dict(const fastctc::GraphInfo& info) {
  py::dict result;
  result["inputs"] = tensor_list(info.inputs);
  result["outputs"] = tensor_list(info.outputs);
  result["metadata"] = info.metadata;
  result["layout"] = layout_name(info.layout);
  result["audio_input"] = info.audio_input;
  result["length_input"] = info.length_input;
  result["output"] = info.output;
  result["length_output"] = info.length_output;
  result["cache_aware"] = info.cache_aware;
  result["n_features"] = info.n_features;
  result["n_tokens"] = info.n_tokens;
  return result;
}

std::vector<py::tuple> fastctc_bindings::property_tuples(const std::vector<fastctc::Property>& properties) {
  std::vector<py::tuple> result;
  for (const auto& property : properties)
    result.push_back(py::make_tuple(property.name, property.value, property.source));
  return result;
}

namespace {

int or_unknown(const py::object& value) { return value.is_none() ? -1 : value.cast<int>(); }

// A waveform may come as [N]; every column is valid.
fastctc::Features features_from(const FloatArray& array) {
  if (array.ndim() != 1 && array.ndim() != 2) {
    throw fastctc::OptionError(
        "Features must be [n_features, n_frames], or [n_samples] for a waveform; this array has " +
        std::to_string(array.ndim()) + " dimensions.");
  }
  fastctc::Features features;
  features.n_features = array.ndim() == 2 ? static_cast<std::size_t>(array.shape(0)) : 1;
  features.n_frames = static_cast<std::size_t>(array.shape(array.ndim() - 1));
  features.n_valid_frames = features.n_frames;
  features.values.assign(array.data(), array.data() + array.size());
  return features;
}

py::list run(const AcousticModel& model, const std::vector<FloatArray>& arrays) {
  std::vector<fastctc::Features> items;
  std::vector<const fastctc::Features*> batch;
  for (const FloatArray& array : arrays) items.push_back(features_from(array));
  for (const auto& item : items) batch.push_back(&item);
  std::vector<fastctc::LogProbs> results;
  {
    // The arrays are copied: nothing of Python is touched until the run is over.
    const py::gil_scoped_release release;
    results = model.run(batch);
  }
  py::list list;
  for (auto& result : results) {
    const std::vector<py::ssize_t> shape = {static_cast<py::ssize_t>(result.n_frames),
                                            static_cast<py::ssize_t>(result.n_tokens)};
    list.append(fastctc_bindings::own(std::move(result.values), shape));
  }
  return list;
}

Held<AcousticModel> load(const std::string& path, const py::dict& session) {
  const fastctc::SessionOptions options = fastctc_bindings::options_of<fastctc::SessionOptions>(session);
  const py::gil_scoped_release release;  // reading and optimising a graph takes seconds
  return Held<AcousticModel>(new AcousticModel(path, options));
}

}  // namespace

void bind_acoustic_model(py::module_& module) {
  module.def(
      "open_engine",
      [](const std::string& library) {
        fastctc::EngineInfo info;
        {
          const py::gil_scoped_release release;  // the library may log from its own threads
          info = fastctc::open_engine(library);
        }
        return engine_dict(info);
      },
      py::arg("library") = "", "Opens ONNX Runtime; its path, version and execution providers.");
  module.def("session_cache_directory", &fastctc::session_cache_directory,
             "Where optimized sessions are kept; empty: nowhere.");
  module.def("subsampled_length", &fastctc::subsampled_length, py::arg("n_frames"), py::arg("factor"),
             py::arg("causal"), "Valid output frames of strided-convolution subsampling.");

  py::class_<AcousticModel, Held<AcousticModel>>(module, "AcousticModel",
                                                 "An ONNX CTC graph; run() may be called from any thread.")
      .def(py::init(&load), py::arg("path"), py::arg("session") = py::dict(),
           "Opens the graph. session: the fields of SessionOptions.")
      .def(
          "graph", [](const AcousticModel& model) { return graph_dict(model.graph()); }, "What the graph itself tells.")
      .def(
          "configure",
          [](AcousticModel& model, const py::object& subsampling_factor, const py::object& causal,
             const py::object& max_encoder_frames, const py::object& log_probs_kind) {
            AcousticModel::Geometry known;
            known.subsampling_factor = or_unknown(subsampling_factor);
            known.causal = causal.is_none() ? -1 : static_cast<int>(causal.cast<bool>());
            known.max_encoder_frames = or_unknown(max_encoder_frames);
            if (!log_probs_kind.is_none()) known.log_probs_kind = log_probs_kind.cast<std::string>();
            std::vector<fastctc::Property> properties;
            {
              const py::gil_scoped_release release;  // it runs the graph
              properties = model.configure(known);
            }
            return property_tuples(properties);
          },
          py::kw_only(), py::arg("subsampling_factor") = py::none(), py::arg("causal") = py::none(),
          py::arg("max_encoder_frames") = py::none(), py::arg("log_probs_kind") = py::none(),
          "Resolves what None leaves open; (name, value, source) of each property. Call once, before run().")
      .def("run", &run, py::arg("features"),
           "Log-probs [n_frames, n_tokens] of each item; items are [n_features, n_frames] or waveforms [n_samples].");
}
