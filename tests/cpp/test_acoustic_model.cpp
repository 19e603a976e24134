#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "acoustic/graph/log_softmax.h"
#include "acoustic/graph/position_table.h"
#include "fastctc/acoustic_model.h"
#include "fastctc/error.h"
#include "fastctc/log.h"

using namespace fastctc;

namespace {

const std::string kTiny = FASTCTC_TEST_DATA "/tiny/";
const std::string kDemo = FASTCTC_MODELS "/digits/offline.onnx";

// Whether ONNX Runtime can be opened here; the tests' runner names it in FASTCTC_ONNXRUNTIME.
bool has_engine() {
  try {
    open_engine();
    return true;
  } catch (const EngineNotFoundError& error) {
    MESSAGE("skipped: no ONNX Runtime here, set FASTCTC_ONNXRUNTIME to its library");
    return false;
  }
}

Features noise(std::size_t n_frames, std::size_t n_features = 80, unsigned seed = 1) {
  Features features;
  features.n_features = n_features;
  features.n_frames = features.n_valid_frames = n_frames;
  features.values.resize(n_features * n_frames);
  for (float& value : features.values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(seed >> 8) / 8388608.0f - 1.0f;
  }
  return features;
}

// The same valid frames with columns of garbage behind them.
Features with_padding(const Features& source, std::size_t n_columns) {
  Features padded = noise(source.n_frames + n_columns, source.n_features, 77);
  padded.n_valid_frames = source.n_frames;
  for (std::size_t feature = 0; feature < source.n_features; ++feature) {
    for (std::size_t frame = 0; frame < source.n_frames; ++frame) {
      padded.values[feature * padded.n_frames + frame] = source.values[feature * source.n_frames + frame];
    }
  }
  return padded;
}

double largest_difference(const LogProbs& a, const LogProbs& b) {
  REQUIRE(a.n_frames == b.n_frames);
  REQUIRE(a.n_tokens == b.n_tokens);
  double largest = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    largest = std::max(largest, std::fabs(static_cast<double>(a.values[i]) - static_cast<double>(b.values[i])));
  }
  return largest;
}

AcousticModel load(const std::string& path, const AcousticModel::Geometry& known = AcousticModel::Geometry()) {
  AcousticModel model(path, SessionOptions());
  model.configure(known);
  return model;
}

struct TemporaryFile {
  explicit TemporaryFile(const std::string& content)
      : path((std::filesystem::temp_directory_path() / "fastctc_test_graph.onnx").string()) {
    std::ofstream(path, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path); }
  std::string path;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

}  // namespace

TEST_CASE("subsampled_length is NeMo's") {
  for (std::size_t n = 1; n <= 2000; ++n) {
    REQUIRE(subsampled_length(n, 8, true) == (n + 6) / 8 + 1);
    REQUIRE(subsampled_length(n, 8, false) == (n + 7) / 8);
    REQUIRE(subsampled_length(n, 1, true) == n);
  }
  CHECK(subsampled_length(0, 8, true) == 0);
  CHECK_THROWS_AS(subsampled_length(10, 0, true), OptionError);
  CHECK_THROWS_AS(subsampled_length(10, 12, true), OptionError);
}

TEST_CASE("log-softmax is stable and idempotent") {
  std::vector<float> values = {1000.0f, 1001.0f, 999.0f, -5.0f, -5.0f, -INFINITY};
  log_softmax(values.data(), 2, 3);
  CHECK(values[1] == doctest::Approx(-0.4076059).epsilon(1e-6));
  CHECK(values[3] == doctest::Approx(std::log(0.5)).epsilon(1e-6));
  CHECK(values[5] == -INFINITY);
  const std::vector<float> once = values;
  log_softmax(values.data(), 2, 3);
  for (std::size_t i = 0; i < 5; ++i) CHECK(std::fabs(values[i] - once[i]) < 1e-6f);
  CHECK(std::fabs(log_sum_exp(values.data(), 3)) < 1e-6);
  CHECK(!is_probability(values.data(), 3));
  const float probabilities[] = {0.25f, 0.75f, 0.0f};
  CHECK(is_probability(probabilities, 3));
}

TEST_CASE("position tables are found, and broken files do no harm") {
  CHECK(find_position_table(kDemo) == 1000);
  CHECK(find_position_table(kTiny + "full_offline.onnx") == 1000);
  CHECK(find_position_table(kTiny + "no such file") == 0);
  const std::string graph = read_file(kTiny + "offline.onnx");
  // Every cut and a set of flipped bytes: under the sanitizers this walks into nothing.
  for (std::size_t size = 0; size < graph.size(); size += 9973) {
    const TemporaryFile file(graph.substr(0, size));
    CHECK(find_position_table(file.path) <= 1000);
  }
  for (std::size_t i = 0; i < 60; ++i) {
    std::string spoiled = graph;
    for (std::size_t at = i * 7; at < spoiled.size(); at += 4999) spoiled[at] = static_cast<char>(spoiled[at] ^ 0xA5);
    const TemporaryFile file(spoiled);
    find_position_table(file.path);
  }
}

TEST_CASE("one engine per process") {
  if (!has_engine()) return;
  const EngineInfo info = open_engine();
  CHECK(!info.version.empty());
  CHECK(!info.providers.empty());
  CHECK(open_engine(info.library).version == info.version);
  CHECK_THROWS_WITH_AS(open_engine("another.so"), doctest::Contains("already runs ONNX Runtime"), OptionError);
}

TEST_CASE("graphs are recognised") {
  if (!has_engine()) return;
  const AcousticModel model(kDemo, SessionOptions());
  CHECK(model.graph().layout == InputLayout::feature_major);
  CHECK(model.graph().audio_input == "audio_signal");
  CHECK(model.graph().length_input == "length");
  CHECK(model.graph().output == "logprobs");
  CHECK(model.graph().length_output.empty());
  CHECK(model.graph().n_features == 80);
  CHECK(model.graph().n_tokens == 53);
  CHECK(!model.graph().cache_aware);
  CHECK(model.graph().metadata.at("subsampling_factor") == "8");
  CHECK(AcousticModel(kTiny + "stream.onnx", SessionOptions()).graph().cache_aware);
}

TEST_CASE("a batch changes nothing, and neither does padding") {
  if (!has_engine()) return;
  for (const char* name :
       {"offline.onnx", "offline_unmasked.onnx", "full_offline.onnx", "full_offline_unmasked.onnx"}) {
    CAPTURE(name);
    const AcousticModel model = load(kTiny + name);
    std::vector<Features> items;
    for (const std::size_t n : {91, 40, 3, 0, 74, 91}) items.push_back(noise(n, 80, static_cast<unsigned>(n) + 1));
    std::vector<Features> padded;
    std::vector<const Features*> batch;
    for (const Features& item : items) padded.push_back(with_padding(item, 13));
    for (const Features& item : padded) batch.push_back(&item);
    const std::vector<LogProbs> together = model.run(batch);
    REQUIRE(together.size() == items.size());
    for (std::size_t i = 0; i < items.size(); ++i) CHECK(largest_difference(together[i], model.run(items[i])) <= 1e-4);
    CHECK(together[3].n_frames == 0);
    CHECK(together[3].n_tokens == 129);
  }
}

TEST_CASE("threads share a model") {
  if (!has_engine()) return;
  const AcousticModel model = load(kTiny + "offline.onnx");
  const Features item = noise(120);
  const LogProbs expected = model.run(item);
  std::vector<int> differing(4, 0);
  std::vector<std::thread> threads;
  for (int& count : differing) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) count += model.run(item).values == expected.values ? 0 : 1;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(differing == std::vector<int>(4, 0));
}

TEST_CASE("bad input is a named error") {
  if (!has_engine()) return;
  AcousticModel fresh(kDemo, SessionOptions());
  CHECK_THROWS_WITH_AS(fresh.run(noise(10)), doctest::Contains("configure()"), OptionError);
  AcousticModel::Geometry wrong;
  wrong.subsampling_factor = 4;
  CHECK_THROWS_WITH_AS(fresh.configure(wrong), doctest::Contains("by the option, but 8 by the ONNX metadata"),
                       ModelError);

  const AcousticModel model = load(kDemo);
  CHECK_THROWS_WITH_AS(model.run(noise(10, 64)), doctest::Contains("64 values per frame"), ModelError);
  CHECK_THROWS_WITH_AS(model.run(noise(7994)), doctest::Contains("1001 output frames"), AudioError);
  Features short_values = noise(10);
  short_values.values.pop_back();
  CHECK_THROWS_AS(model.run(short_values), OptionError);
  Features too_valid = noise(10);
  too_valid.n_valid_frames = 11;
  CHECK_THROWS_AS(model.run(too_valid), OptionError);
  Features spoiled = noise(10);
  spoiled.values[25] = INFINITY;
  CHECK_THROWS_WITH_AS(model.run(spoiled), doctest::Contains("Feature 2 of frame 5"), AudioError);
  CHECK_THROWS_AS(model.run(std::vector<const Features*>{nullptr}), OptionError);
  CHECK(model.run(std::vector<const Features*>()).empty());
  CHECK_THROWS_AS(load(kTiny + "stream.onnx").run(noise(10)), ModelError);
}

TEST_CASE("a file that is no graph is a named error") {
  if (!has_engine()) return;
  const SessionOptions session;
  CHECK_THROWS_AS(AcousticModel(kTiny + "gone.onnx", session), ModelNotFoundError);
  CHECK_THROWS_WITH_AS(AcousticModel(kTiny, session), doctest::Contains("is a directory"), ModelError);
  CHECK_THROWS_WITH_AS(AcousticModel(kTiny + "tokens.txt", session), doctest::Contains("not an ONNX graph"),
                       ModelError);
  const TemporaryFile empty("");
  CHECK_THROWS_WITH_AS(AcousticModel(empty.path, session), doctest::Contains("is empty"), ModelError);
  const TemporaryFile cut(read_file(kDemo).substr(0, 100000));
  CHECK_THROWS_WITH_AS(AcousticModel(cut.path, session), doctest::Contains("cut short"), ModelError);
  const TemporaryFile alone(read_file(kDemo));
  CHECK_THROWS_WITH_AS(AcousticModel(alone.path, session), doctest::Contains("in another file"), ModelError);
}

TEST_CASE("session options are checked") {
  if (!has_engine()) return;
  SessionOptions session;
  session.provider = "Abacus";
  CHECK_THROWS_WITH_AS(AcousticModel(kDemo, session), doctest::Contains("it has"), OptionError);
  session = SessionOptions();
  session.intra_op_threads = -1;
  CHECK_THROWS_AS(AcousticModel(kDemo, session), OptionError);
  session = SessionOptions();
  session.graph_optimization = "most";
  CHECK_THROWS_AS(AcousticModel(kDemo, session), OptionError);
}
