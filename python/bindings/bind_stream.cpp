// Live streams and pools of them.
#include <pybind11/pybind11.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "fastctc/recognizer.h"
#include "fastctc/stream.h"
#include "holders.h"
#include "options.h"
#include "transcripts.h"

namespace {

using namespace fastctc_bindings;
using fastctc::Stream;
using fastctc::StreamPool;

const char* cause_name(fastctc::EndpointCause cause) {
  switch (cause) {
    case fastctc::EndpointCause::none:
      return "";
    case fastctc::EndpointCause::no_speech:
      return "no_speech";
    case fastctc::EndpointCause::silence:
      return "silence";
    case fastctc::EndpointCause::max_length:
      return "max_length";
    case fastctc::EndpointCause::finish:
      break;
  }
  return "finish";
}

// (is_final, cause, segment, start_s, end_s, transcript, n_stable_words)
py::list take(Stream& stream) {
  std::vector<fastctc::StreamResult> results;
  {
    // A pool's step may hold the stream for a moment, and its thread may want the GIL to log.
    const py::gil_scoped_release release;
    results = stream.take();
  }
  py::list list;
  for (const auto& result : results) {
    list.append(py::make_tuple(result.is_final, cause_name(result.cause), result.segment, result.start_s, result.end_s,
                               to_python(result.transcript), result.n_stable_words));
  }
  return list;
}

void push(Stream& stream, const FloatArray& samples, int sample_rate_hz) {
  const fastctc::AudioView audio = audio_view(samples, sample_rate_hz);
  // `samples` stays alive: the caller's frame holds it.
  const py::gil_scoped_release release;
  stream.push(audio);
}

// Every method of these classes guards itself in C++; none touches Python.
using WithoutGil = py::call_guard<py::gil_scoped_release>;

}  // namespace

void bind_stream(py::module_& module) {
  py::class_<Stream, Held<Stream>>(module, "Stream", "A live signal; one thread at a time. See fastctc/stream.h.")
      .def(py::init([](const fastctc::Recognizer& recognizer, const py::dict& fields) {
             const fastctc::StreamOptions options = fastctc_bindings::options_of<fastctc::StreamOptions>(fields);
             const py::gil_scoped_release release;  // a graph may be opened; the caller holds `recognizer`
             return Held<Stream>(new Stream(recognizer, options));
           }),
           py::arg("recognizer"), py::arg("options") = py::dict())
      .def("push", &push, py::arg("samples").noconvert(), py::arg("sample_rate_hz") = 0,
           "Takes float32 samples [n]; rate 0: the stream's.")
      .def("finish", &Stream::finish, WithoutGil(), "No more audio: everything is recognised.")
      .def("take", &take, "Results since the last call, as tuples.")
      .def("reset", &Stream::reset, WithoutGil(), "Ready for another signal.")
      .def_property_readonly("done", py::cpp_function(&Stream::done, WithoutGil()))
      .def_property_readonly("ready", py::cpp_function(&Stream::ready, WithoutGil()))
      .def_property_readonly("pushed_s", py::cpp_function(&Stream::pushed_s, WithoutGil()))
      .def_property_readonly("decoded_s", py::cpp_function(&Stream::decoded_s, WithoutGil()));

  py::class_<StreamPool, Held<StreamPool>>(module, "StreamPool",
                                           "Streams that run as one batch; any thread. See fastctc/stream.h.")
      .def(py::init([](const fastctc::Recognizer& recognizer, const py::dict& fields, std::size_t max_batch) {
             const fastctc::StreamOptions options = fastctc_bindings::options_of<fastctc::StreamOptions>(fields);
             const py::gil_scoped_release release;  // a graph may be opened; the caller holds `recognizer`
             return Held<StreamPool>(new StreamPool(recognizer, options, max_batch));
           }),
           py::arg("recognizer"), py::arg("options") = py::dict(), py::arg("max_batch") = 16)
      .def(
          "open", [](StreamPool& pool) { return Held<Stream>(new Stream(pool.open())); }, WithoutGil(),
          "A stream of this pool.")
      .def("step", &StreamPool::step, WithoutGil(), "Runs one chunk of every stream that has one; how many ran.")
      .def("wait", &StreamPool::wait, WithoutGil(), py::arg("timeout_s"), "Waits until a stream has a chunk ready.")
      .def_property_readonly("n_streams", py::cpp_function(&StreamPool::n_streams, WithoutGil()));
}
