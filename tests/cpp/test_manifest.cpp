#include <doctest/doctest.h>

#include "fastctc/error.h"
#include "model/manifest.h"
#include "temporary_directory.h"

using namespace fastctc;

TEST_CASE("a manifest is flattened to dotted names and text") {
  const TemporaryDirectory directory;
  const std::string path = directory.write("fastctc.json", R"({"fastctc": 1, "tokens": "t.txt", "blank_id": 52,
    "frontend": {"preset": "nemo", "preemphasis": 0.97, "use_log": true, "fixed_mean": [1, 2.5]}, "unknown": null})");
  const Manifest manifest = read_manifest(path);
  CHECK(*manifest.find("tokens") == "t.txt");
  CHECK(*manifest.find("blank_id") == "52");
  CHECK(*manifest.find("frontend.preset") == "nemo");
  CHECK(*manifest.find("frontend.preemphasis") == "0.97");
  CHECK(*manifest.find("frontend.use_log") == "true");
  CHECK(*manifest.find("frontend.fixed_mean") == "1,2.5");
  CHECK(manifest.find("unknown") == nullptr);
  CHECK(manifest.find("frontend.normalize") == nullptr);
}

TEST_CASE("no manifest is no error") {
  const TemporaryDirectory directory;
  CHECK(read_manifest(directory.file("fastctc.json")).file.empty());
  CHECK(read_onnx_asr_config(directory.file("config.json")).file.empty());
}

TEST_CASE("a broken manifest is named") {
  const TemporaryDirectory directory;
  const auto refuses = [&](const char* content, const char* message) {
    const std::string path = directory.write("fastctc.json", content);
    CHECK_THROWS_WITH_AS(read_manifest(path), doctest::Contains(message), ModelError);
  };
  refuses("", "not JSON");
  refuses("{\"fastctc\": 1", "not JSON");
  refuses("[1]", "one JSON object");
  refuses("{}", "is missing");
  refuses("{\"fastctc\": \"1\"}", "it is \"1\"");
  refuses("{\"fastctc\": 2}", "it is 2");
  refuses("{\"fastctc\": 1, \"graphs\": 3}", "graphs must be an object");
  refuses("{\"fastctc\": 1, \"frontend\": {\"fixed_mean\": [1, null]}}", "frontend.fixed_mean");
  refuses("{\"fastctc\": 1, \"fastctc\": 1}", "\"fastctc\" stands twice");
  refuses("{\"fastctc\": 1, \"graphs\": {\"offline\": \"a\", \"offline\": \"b\"}}", "\"offline\" stands twice");
  refuses("{\"fastctc\": 1, \"graphs\": {\"offline\": 5}}", "graphs.offline must be a file's name, not number");
  refuses("{\"fastctc\": 1, \"blank_id\": [1]}", "blank_id must be one value, not array");
  refuses("{\"fastctc\": NaN}", "not JSON");
  refuses("{\"fastctc\": 1e999}", "not JSON");
  refuses("{\"fastctc\": 1, \"tokens\": \"\xff\"}", "not JSON");
  refuses("{\"fastctc\": 1, \"tokens\": {\"a\": 1}}", "tokens must be a file's name, not object");
  refuses("{\"fastctc\": 1, \"graphs\": {\"offline\": [\"a\"]}}", "graphs.offline must be a file's name, not array");
}

TEST_CASE("deep nesting is refused while it is read") {
  const TemporaryDirectory directory;
  for (const std::string open : {"[", "{\"a\":"}) {
    std::string content = "{\"fastctc\": ";
    for (int depth = 0; depth < 100000; ++depth) content += open;
    const std::string path = directory.write("fastctc.json", content);
    CHECK_THROWS_WITH_AS(read_manifest(path), doctest::Contains("nested deeper"), ModelError);
  }
}

TEST_CASE("equal keys in different objects are no mistake") {
  const TemporaryDirectory directory;
  const Manifest manifest = read_manifest(directory.write(
      "fastctc.json", R"({"fastctc": 1, "x": {"preset": 1}, "frontend": {"preset": "nemo"}, "preset": 2})"));
  CHECK(*manifest.find("frontend.preset") == "nemo");
}

TEST_CASE("a config.json of another program is left alone") {
  const TemporaryDirectory directory;
  CHECK(read_onnx_asr_config(directory.write("config.json", R"({"model_type": "wav2vec2"})")).values.empty());
  const Manifest manifest = read_onnx_asr_config(directory.write(
      "config.json", R"({"model_type": "nemo-conformer-ctc", "features_size": 80, "subsampling_factor": 8})"));
  CHECK(*manifest.find("frontend.n_mels") == "80");
  CHECK(*manifest.find("subsampling.factor") == "8");
  CHECK(*manifest.find("frontend.normalize") == "per_feature");
}
