// Cache-aware graphs, frame by frame: what streams are made of, for tests.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "exclusive_use.h"
#include "fastctc/error.h"
#include "fastctc/streaming_model.h"
#include "graph_dict.h"
#include "holders.h"
#include "options.h"

namespace py = pybind11;
using fastctc::AcousticStream;
using fastctc::StreamingModel;
using fastctc_bindings::ExclusiveUse;
using fastctc_bindings::FloatArray;

namespace {

constexpr char kStream[] = "AcousticStream";

struct BoundStream {
  BoundStream(const StreamingModel& owner, fastctc::StreamStart start)
      : model(owner), n_features(owner.graph().n_features), stream(owner, start) {}

  const StreamingModel& model;  // kept alive
  std::size_t n_features;
  AcousticStream stream;
  mutable std::atomic_flag busy = ATOMIC_FLAG_INIT;
};

struct BoundBatch {
  StreamingModel::Batch batch;
  std::atomic_flag busy = ATOMIC_FLAG_INIT;
};

using StreamHolder = fastctc_bindings::Held<BoundStream>;
using ModelHolder = fastctc_bindings::Held<StreamingModel>;

fastctc::StreamStart start_from(const std::string& name) {
  if (name == "aligned") return fastctc::StreamStart::aligned;
  if (name == "nemo_pad") return fastctc::StreamStart::nemo_pad;
  throw fastctc::OptionError("Option start must be aligned or nemo_pad, not '" + name + "'.");
}

py::dict geometry_dict(const StreamingModel& model) {
  const StreamingModel::Geometry& geometry = model.geometry();
  py::dict result;
  result["window_frames"] = geometry.window_frames;
  result["chunk_frames"] = geometry.chunk_frames;
  result["subsampling_factor"] = geometry.subsampling_factor;
  result["dropped_frames"] = geometry.dropped_frames;
  result["log_probs_kind"] = geometry.log_probs_kind;
  return result;
}

// Several streams at once, each held for as long. None stands for one that is gone.
class Streams {
 public:
  explicit Streams(const std::vector<BoundStream*>& bound) {
    for (BoundStream* stream : bound) {
      streams_.push_back(stream ? &stream->stream : nullptr);
      if (!stream) continue;
      for (BoundStream* other : seen_) {
        if (other == stream) throw fastctc::OptionError("A stream is in the batch twice.");
      }
      seen_.push_back(stream);
      uses_.push_back(std::make_unique<ExclusiveUse>(stream->busy, kStream));
    }
  }
  const std::vector<AcousticStream*>& pointers() const { return streams_; }

 private:
  std::vector<AcousticStream*> streams_;
  std::vector<BoundStream*> seen_;
  std::vector<std::unique_ptr<ExclusiveUse>> uses_;
};

// A question to a stream that no other thread uses, by value: what it refers to may change.
template <auto kQuestion>
auto asked() {
  return [](const BoundStream& self) {
    const ExclusiveUse use(self.busy, kStream);
    return (self.stream.*kQuestion)();
  };
}

// An order, likewise.
template <auto kOrder>
auto told() {
  return [](BoundStream& self) {
    const ExclusiveUse use(self.busy, kStream);
    (self.stream.*kOrder)();
  };
}

void push(BoundStream& bound, const FloatArray& features) {
  fastctc_bindings::require_dimensions(features, 2, "features");
  if (static_cast<std::size_t>(features.shape(0)) != bound.n_features) {
    throw fastctc::OptionError("The features have " + std::to_string(features.shape(0)) +
                               " values per frame, but the graph takes " + std::to_string(bound.n_features) + ".");
  }
  const float* data = features.data();
  const auto n_frames = static_cast<std::size_t>(features.shape(1));
  // The caller's reference keeps the array alive, and nothing else of Python is touched.
  const py::gil_scoped_release release;
  const ExclusiveUse use(bound.busy, kStream);
  bound.stream.push(data, n_frames, n_frames);
}

py::array_t<float> take(BoundStream& bound) {
  fastctc::LogProbs result;
  {
    const ExclusiveUse use(bound.busy, kStream);
    result = bound.stream.take();
  }
  const std::vector<py::ssize_t> shape = {static_cast<py::ssize_t>(result.n_frames),
                                          static_cast<py::ssize_t>(result.n_tokens)};
  return fastctc_bindings::own(std::move(result.values), shape);
}

std::vector<std::string> step(const StreamingModel& model, const std::vector<BoundStream*>& bound) {
  const py::gil_scoped_release release;  // the caller's list keeps the streams alive
  const Streams streams(bound);
  return model.step(streams.pointers());
}

std::unique_ptr<BoundBatch> gather(const StreamingModel& model, const std::vector<BoundStream*>& bound) {
  const py::gil_scoped_release release;  // as in step
  const Streams streams(bound);
  auto batch = std::make_unique<BoundBatch>();
  batch->batch = model.gather(streams.pointers());
  return batch;
}

void compute(const StreamingModel& model, BoundBatch& bound) {
  const py::gil_scoped_release release;  // a batch holds nothing of Python
  const ExclusiveUse use(bound.busy, "batch");
  model.compute(bound.batch);
}

std::vector<std::string> scatter(const StreamingModel& model, BoundBatch& bound,
                                 const std::vector<BoundStream*>& bound_streams) {
  const py::gil_scoped_release release;  // as in step
  const ExclusiveUse use(bound.busy, "batch");
  const Streams streams(bound_streams);
  return model.scatter(bound.batch, streams.pointers());
}

ModelHolder load(const std::string& path, const py::dict& session) {
  const fastctc::SessionOptions options = fastctc_bindings::options_of<fastctc::SessionOptions>(session);
  const py::gil_scoped_release release;  // reading and optimising a graph takes seconds
  return ModelHolder(new StreamingModel(path, options));
}

std::vector<py::tuple> configure(StreamingModel& model, int window_frames, int chunk_frames, int subsampling_factor,
                                 int dropped_frames, const std::string& log_probs_kind) {
  StreamingModel::Geometry known;
  known.window_frames = window_frames;
  known.chunk_frames = chunk_frames;
  known.subsampling_factor = subsampling_factor;
  known.dropped_frames = dropped_frames;
  known.log_probs_kind = log_probs_kind;
  std::vector<fastctc::Property> properties;
  {
    const py::gil_scoped_release release;  // it runs the graph
    properties = model.configure(known);
  }
  return fastctc_bindings::property_tuples(properties);
}

void bind_model(py::class_<StreamingModel, ModelHolder>& model_class) {
  model_class
      .def(py::init(&load), py::arg("path"), py::arg("session") = py::dict(),
           "Opens the graph. session: the fields of SessionOptions.")
      .def(
          "graph", [](const StreamingModel& model) { return fastctc_bindings::graph_dict(model.graph()); },
          "What the graph itself tells.")
      .def("configure", &configure, py::kw_only(), py::arg("window_frames") = -1, py::arg("chunk_frames") = -1,
           py::arg("subsampling_factor") = -1, py::arg("dropped_frames") = -1, py::arg("log_probs_kind") = "",
           "Resolves what is left open; (name, value, source) of each property. Call once.")
      .def_property_readonly("geometry", &geometry_dict)
      .def_property_readonly("output_frames", &StreamingModel::output_frames, "Output frames of a whole step.")
      .def("step", &step, py::arg("streams"),
           "Runs the next window of each stream as one batch; the message of each failure, '' where there was none.")
      .def("gather", &gather, py::arg("streams"), "The next window of each stream, to be computed and scattered.")
      .def("compute", &compute, py::arg("batch"), "Runs the graph; touches no stream.")
      .def("scatter", &scatter, py::arg("batch"), py::arg("streams"),
           "Hands the streams their log-probs and caches; None for one that is gone. The failures, as in step().");
}

void bind_stream(py::class_<BoundStream, StreamHolder>& stream_class) {
  stream_class
      .def(py::init([](const StreamingModel& model, const std::string& start) {
             return StreamHolder(new BoundStream(model, start_from(start)));
           }),
           py::arg("model"), py::arg("start") = "aligned", py::keep_alive<1, 2>())
      .def("push", &push, py::arg("features").noconvert(), "Features [n_features, n_frames] float32.")
      .def("finish", told<&AcousticStream::finish>(), "No more frames: what is left becomes ready.")
      .def_property_readonly("ready", asked<&AcousticStream::ready>())
      .def_property_readonly("done", asked<&AcousticStream::done>())
      .def_property_readonly("failure", asked<&AcousticStream::failure>())
      .def_property_readonly("n_pending_frames", asked<&AcousticStream::n_pending_frames>())
      .def_property_readonly("n_output_frames", asked<&AcousticStream::n_output_frames>())
      .def("take", &take, "Log-probs [n_frames, n_tokens] since the last call.")
      .def(
          "step",
          [](BoundStream& self) {
            const py::gil_scoped_release release;  // the caller holds the stream, which holds the model
            const ExclusiveUse use(self.busy, kStream);
            const std::string failure = self.model.step({&self.stream}).front();
            if (!failure.empty()) throw fastctc::EngineError(failure);
          },
          "Runs the next window. Raises EngineError when it fails.")
      .def("detach", told<&AcousticStream::detach>(), "Copies the caches out of a batch that others have left.")
      .def("reset", told<&AcousticStream::reset>(), "Ready for another utterance.");
}

}  // namespace

void bind_streaming_model(py::module_& module) {
  // Every type before the first signature that names it.
  py::class_<StreamingModel, ModelHolder> model_class(
      module, "StreamingModel", "A cache-aware ONNX CTC graph; safe from any thread once configured.");
  py::class_<BoundStream, StreamHolder> stream_class(
      module, "AcousticStream", "One utterance on its way through a StreamingModel; one thread at a time.");
  py::class_<BoundBatch>(module, "StreamingBatch", "Windows of several streams on their way through the model.");
  bind_model(model_class);
  bind_stream(stream_class);
}
