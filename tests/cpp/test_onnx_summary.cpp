#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "model/graph_files.h"
#include "model/onnx_summary.h"

namespace fs = std::filesystem;
using fastctc::find_graphs;
using fastctc::GraphFiles;
using fastctc::Manifest;
using fastctc::OnnxSummary;
using fastctc::summarize_onnx_file;

namespace {

const fs::path kDigits = fs::path(FASTCTC_MODELS) / "digits";

bool has(const OnnxSummary& summary, const std::string& input) {
  return std::find(summary.inputs.begin(), summary.inputs.end(), input) != summary.inputs.end();
}

// A directory of its own, removed with its content.
struct Folder {
  fs::path path = fs::temp_directory_path() / "fastctc_test_graph_files";
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
  void add(const std::string& name, const fs::path& source) const { fs::copy_file(source, path / name); }
};

}  // namespace

TEST_CASE("an ONNX file tells its inputs and metadata without a session") {
  const OnnxSummary offline = summarize_onnx_file(kDigits / "offline.onnx");
  CHECK(offline.inputs == std::vector<std::string>{"audio_signal", "length"});
  CHECK(offline.metadata.at("subsampling_factor") == "8");
  CHECK(offline.metadata.count("chunk_shift") == 0);

  const OnnxSummary stream = summarize_onnx_file(kDigits / "exact-480ms.onnx");
  CHECK(has(stream, "cache_last_channel"));
  CHECK(stream.metadata.at("chunk_shift") == "56");
  CHECK(stream.metadata.at("window_size") == "65");
}

TEST_CASE("what is not ONNX, or cut off anywhere, gives what could be read and nothing worse") {
  CHECK(summarize_onnx_file(kDigits / "no such file").inputs.empty());
  CHECK(summarize_onnx_file(kDigits / "tokens.txt").metadata.empty());
  const Folder folder;
  std::ifstream source(kDigits / "exact-480ms.onnx", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(source), std::istreambuf_iterator<char>()};
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{100},
                                   bytes.size() / 2, bytes.size() - 1}) {
    std::ofstream(folder.path / "cut.onnx", std::ios::binary) << bytes.substr(0, length);
    const OnnxSummary summary = summarize_onnx_file(folder.path / "cut.onnx");
    CHECK(summary.inputs.size() <= 5);
  }
}

TEST_CASE("files without a manifest are told apart by their inputs") {
  const Folder folder;
  folder.add("a.onnx", kDigits / "exact-80ms.onnx");
  folder.add("b.onnx", kDigits / "exact-1040ms.onnx");
  folder.add("c.onnx", kDigits / "offline.onnx");
  const GraphFiles files = find_graphs(folder.path, "", Manifest());
  REQUIRE(files.offline.size() == 1);
  CHECK(files.offline.front().name == "c.onnx");
  REQUIRE(files.streaming_by_chunk_frames.size() == 2);
  CHECK(files.streaming_by_chunk_frames.at(16).front().name == "a.onnx");
  CHECK(files.streaming_by_chunk_frames.at(112).front().name == "b.onnx");
  CHECK(files.long_form.empty());
}

TEST_CASE("an option names the only graph") {
  const GraphFiles files = find_graphs(kDigits, "exact-0ms.onnx", fastctc::read_manifest(kDigits / "fastctc.json"));
  CHECK(files.offline.empty());
  CHECK(files.streaming.empty());
  CHECK(files.streaming_by_chunk_frames.at(8).front().source == "option");
}

TEST_CASE("the manifest names graphs by their part") {
  const GraphFiles files = find_graphs(kDigits, "", fastctc::read_manifest(kDigits / "fastctc.json"));
  CHECK(files.offline.front().name == "offline.onnx");
  CHECK(files.streaming.size() == 4);
  CHECK(files.streaming.at(480).front().name == "exact-480ms.onnx");
  CHECK(files.long_form.front().name == "exact-1040ms-x8.onnx");

  Manifest wrong;
  wrong.file = "fastctc.json";
  wrong.values = {{"graphs.streaming_fastms", "a.onnx"}};
  CHECK_THROWS_WITH_AS(find_graphs(kDigits, "", wrong), doctest::Contains("graphs.streaming_fastms is not known"),
                       std::exception);
}
