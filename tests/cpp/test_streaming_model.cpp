#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "acoustic/steps/feature_buffer.h"
#include "fastctc/error.h"
#include "fastctc/streaming_model.h"
#include "onnxruntime_library.h"

using namespace fastctc;

namespace {

const std::string kTiny = FASTCTC_TEST_DATA "/tiny/";
constexpr std::size_t kFeatures = 80;
constexpr double kTolerance = 1e-4;

Features noise(std::size_t n_frames, unsigned seed) {
  Features features;
  features.n_features = kFeatures;
  features.n_frames = features.n_valid_frames = n_frames;
  features.values.resize(kFeatures * n_frames);
  for (float& value : features.values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(seed >> 8) / 1048576.0f - 12.0f;
  }
  return features;
}

StreamingModel load(const std::string& name) {
  StreamingModel model(kTiny + name + ".onnx", SessionOptions());
  model.configure(StreamingModel::Geometry());
  return model;
}

LogProbs offline(const std::string& name, const Features& features) {
  AcousticModel model(kTiny + name + ".onnx", SessionOptions());
  model.configure(AcousticModel::Geometry());
  return model.run(features);
}

// Frames [begin, end) of the features.
void push(AcousticStream& stream, const Features& features, std::size_t begin, std::size_t end) {
  stream.push(features.values.data() + begin, end - begin, features.n_frames);
}

void push(AcousticStream& stream, const Features& features) { push(stream, features, 0, features.n_frames); }

LogProbs run_out(const StreamingModel& model, AcousticStream& stream) {
  stream.finish();
  while (stream.ready()) REQUIRE(model.step({&stream}).front().empty());
  CHECK(stream.done());
  return stream.take();
}

void check_same(const LogProbs& actual, const LogProbs& expected) {
  REQUIRE(actual.n_frames == expected.n_frames);
  REQUIRE(actual.n_tokens == expected.n_tokens);
  double largest = 0;
  for (std::size_t i = 0; i < actual.values.size(); ++i) {
    largest =
        std::max(largest, std::fabs(static_cast<double>(actual.values[i]) - static_cast<double>(expected.values[i])));
  }
  CHECK(largest <= kTolerance);
}

void append(LogProbs& all, const LogProbs& part) {
  all.values.insert(all.values.end(), part.values.begin(), part.values.end());
  all.n_frames += part.n_frames;
  all.n_tokens = part.n_tokens;
}

}  // namespace

TEST_CASE("a feature buffer gives back what was pushed, in any pieces") {
  constexpr std::size_t kWidth = 3;
  const Features source = noise(500, 1);
  FeatureBuffer buffer(kWidth);
  std::size_t pushed = 0;
  std::size_t dropped = 0;
  unsigned seed = 7;
  while (dropped < source.n_frames) {
    seed = seed * 1664525u + 1013904223u;
    const std::size_t piece = std::min<std::size_t>((seed >> 16) % 23, source.n_frames - pushed);
    buffer.push(source.values.data() + pushed, piece, source.n_frames);
    pushed += piece;
    REQUIRE(buffer.size() == pushed - dropped);
    std::vector<float> window(kWidth * 10, -1.0f);
    const std::size_t held = buffer.copy(window.data(), 10);
    REQUIRE(held == std::min<std::size_t>(10, buffer.size()));
    for (std::size_t feature = 0; feature < kWidth; ++feature) {
      for (std::size_t frame = 0; frame < 10; ++frame) {
        const float expected = frame < held ? source.values[feature * source.n_frames + dropped + frame] : 0.0f;
        REQUIRE(window[feature * 10 + frame] == expected);
      }
    }
    const std::size_t gone = pushed == source.n_frames ? buffer.size() : (seed >> 8) % 11;
    dropped += std::min(gone, buffer.size());
    buffer.drop(gone);
  }
}

TEST_CASE("a stream over an exact graph gives the offline log-probs for every look-ahead") {
  if (!onnxruntime_is_there()) return;
  const std::vector<std::pair<std::string, std::string>> graphs = {{"stream_exact_r13", "offline"},
                                                                   {"stream_exact_r13_x4", "offline"},
                                                                   {"stream_exact_r6", "offline_r6"},
                                                                   {"stream_exact_r1", "offline_r1"},
                                                                   {"stream_exact_r0", "offline_r0"}};
  for (const auto& graph : graphs) {
    const std::string &name = graph.first, &offline_name = graph.second;
    const StreamingModel model = load(name);
    for (const std::size_t n_frames : {1u, 9u, 105u, 106u, 257u}) {
      CAPTURE(name);
      CAPTURE(n_frames);
      const Features features = noise(n_frames, static_cast<unsigned>(n_frames));
      AcousticStream stream(model);
      for (std::size_t frame = 0; frame < n_frames; ++frame) push(stream, features, frame, frame + 1);
      check_same(run_out(model, stream), offline(offline_name, features));
    }
  }
}

TEST_CASE("nothing in, nothing out") {
  if (!onnxruntime_is_there()) return;
  const StreamingModel model = load("stream_exact_r1");
  AcousticStream stream(model);
  CHECK_FALSE(stream.ready());
  CHECK_FALSE(stream.done());
  stream.push(nullptr, 0, 0);
  CHECK(run_out(model, stream).n_frames == 0);
  CHECK(model.step({}).empty());
}

TEST_CASE("a window is ready as soon as its last frame is there, and not before") {
  if (!onnxruntime_is_there()) return;
  const StreamingModel model = load("stream_exact_r1");
  CHECK(model.geometry().window_frames == 25);
  CHECK(model.geometry().chunk_frames == 16);
  CHECK(model.output_frames() == 2);
  const Features features = noise(25, 3);
  AcousticStream stream(model);
  push(stream, features, 0, 8);
  CHECK_FALSE(stream.ready());
  push(stream, features, 8, 9);
  CHECK(stream.ready());
  model.step({&stream});
  CHECK(stream.n_output_frames() == 2);
  CHECK(stream.n_pending_frames() == 0);
  push(stream, features, 9, 24);
  CHECK_FALSE(stream.ready());
  push(stream, features, 24, 25);
  CHECK(stream.ready());
}

TEST_CASE("streams at different positions share a batch, leave it and come back") {
  if (!onnxruntime_is_there()) return;
  const StreamingModel model = load("stream_exact_r1");
  constexpr std::size_t kStreams = 5;
  std::vector<Features> sources;
  std::vector<std::unique_ptr<AcousticStream>> streams;
  std::vector<LogProbs> results(kStreams);
  std::vector<std::size_t> pushed(kStreams);
  for (std::size_t i = 0; i < kStreams; ++i) {
    sources.push_back(noise(60 + 37 * i, static_cast<unsigned>(i)));
    streams.push_back(std::make_unique<AcousticStream>(model));
  }
  for (std::size_t round = 0;; ++round) {
    std::vector<AcousticStream*> ready;
    bool is_over = true;
    for (std::size_t i = 0; i < kStreams; ++i) {
      const std::size_t end = std::min(pushed[i] + (round * (i + 3)) % 17, sources[i].n_frames);
      if (end > pushed[i]) push(*streams[i], sources[i], pushed[i], end);
      pushed[i] = end;
      if (end == sources[i].n_frames) streams[i]->finish();
      if (streams[i]->ready()) ready.push_back(streams[i].get());
      is_over = is_over && streams[i]->done();
    }
    if (is_over) break;
    if (round % 2) std::reverse(ready.begin(), ready.end());
    for (const std::string& failure : model.step(ready)) CHECK(failure.empty());
    for (std::size_t i = 0; i < kStreams; ++i) {
      append(results[i], streams[i]->take());
      if (round % 3 == i % 3) streams[i]->detach();
    }
  }
  for (std::size_t i = 0; i < kStreams; ++i) check_same(results[i], offline("offline_r1", sources[i]));
}

TEST_CASE("streams are fed, reset and dropped while their batch computes") {
  if (!onnxruntime_is_there()) return;
  const StreamingModel model = load("stream_exact_r1");
  const Features features = noise(200, 11);
  const LogProbs expected = offline("offline_r1", features);
  AcousticStream fed(model);
  AcousticStream reset(model);
  auto dropped = std::make_unique<AcousticStream>(model);
  for (AcousticStream* stream : {&fed, &reset, dropped.get()}) push(*stream, features, 0, 100);
  StreamingModel::Batch batch = model.gather({&fed, &reset, dropped.get()});
  std::thread computing([&] { model.compute(batch); });
  CHECK_FALSE(fed.ready());
  push(fed, features, 100, 200);
  reset.reset();
  push(reset, features);
  dropped.reset();
  computing.join();
  for (const std::string& failure : model.scatter(batch, {&fed, &reset, nullptr})) CHECK(failure.empty());
  CHECK(reset.n_output_frames() == 0);
  CHECK(fed.n_output_frames() == 2);
  check_same(run_out(model, fed), expected);
  check_same(run_out(model, reset), expected);
}

TEST_CASE("a batch that was not computed gives its windows back") {
  if (!onnxruntime_is_there()) return;
  const StreamingModel model = load("stream_exact_r1");
  const Features features = noise(70, 5);
  AcousticStream first(model);
  AcousticStream second(model);
  push(first, features);
  push(second, features);
  StreamingModel::Batch batch = model.gather({&first, &second});
  CHECK_THROWS_AS(model.gather({&second}), OptionError);
  CHECK_THROWS_AS(model.scatter(batch, {&first}), OptionError);
  model.scatter(batch, {&first, &second});
  CHECK_THROWS_AS(model.scatter(batch, {&first, &second}), OptionError);
  CHECK(first.ready());
  check_same(run_out(model, first), offline("offline_r1", features));
  check_same(run_out(model, second), offline("offline_r1", features));
}

TEST_CASE("a stream outlives its model, and refuses what it can't take") {
  if (!onnxruntime_is_there()) return;
  auto model = std::make_unique<StreamingModel>(load("stream_exact_r1"));
  const StreamingModel other = load("stream_exact_r6");
  const Features features = noise(30, 5);
  AcousticStream stream(*model);
  CHECK_THROWS_AS(stream.push(features.values.data(), 30, 29), OptionError);
  CHECK_THROWS_AS(stream.push(nullptr, 1, 1), OptionError);
  CHECK_THROWS_AS(model->gather({&stream}), OptionError);
  CHECK_THROWS_AS(model->gather({nullptr}), OptionError);
  push(stream, features);
  CHECK_THROWS_AS(other.gather({&stream}), OptionError);
  CHECK_THROWS_AS(model->gather({&stream, &stream}), OptionError);
  CHECK(stream.ready());
  Features broken = features;
  broken.values[30 + 7] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(push(stream, broken), doctest::Contains("Feature 1 of frame 37"), AudioError);
  CHECK(stream.n_pending_frames() == 30);
  model->step({&stream});
  model.reset();
  CHECK(stream.take().n_frames == 2);
  stream.finish();
  CHECK_THROWS_AS(push(stream, features), OptionError);
  stream.reset();
  push(stream, features);
}

TEST_CASE("a streaming model is configured once, before its streams") {
  if (!onnxruntime_is_there()) return;
  StreamingModel model(kTiny + "stream_r1.onnx", SessionOptions());
  CHECK_THROWS_AS(AcousticStream{model}, OptionError);
  CHECK_THROWS_AS(model.gather({}), OptionError);
  CHECK_THROWS_AS(model.output_frames(), OptionError);
  model.configure(StreamingModel::Geometry());
  CHECK_THROWS_AS(model.configure(StreamingModel::Geometry()), OptionError);
  CHECK_THROWS_AS(StreamingModel(kTiny + "offline.onnx", SessionOptions()), ModelError);
}
