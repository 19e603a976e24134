#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "fastctc/error.h"
#include "model/external_data.h"
#include "model/model_files.h"
#include "model/onnx_summary.h"
#include "temporary_directory.h"

using namespace fastctc;
namespace fs = std::filesystem;

namespace {

// A length-delimited protobuf field; tests need small ones only.
std::string field(int number, const std::string& content) {
  std::string bytes;
  const auto varint = [&](std::size_t value) {
    for (; value > 127; value >>= 7) bytes += static_cast<char>((value & 127) | 128);
    bytes += static_cast<char>(value);
  };
  varint(static_cast<std::size_t>(number) << 3 | 2);
  varint(content.size());
  return bytes + content;
}

std::string entry(const std::string& key, const std::string& value) { return field(1, key) + field(2, value); }
std::string tensor(const std::string& location) {
  return field(8, "weight") + field(13, entry("location", location)) + field(13, entry("offset", "0"));
}
// Of ModelProto: the graph.
std::string model(const std::string& graph) { return field(7, graph); }
std::string with_initializer(const std::string& location) { return model(field(5, tensor(location))); }

}  // namespace

TEST_CASE("a file of the directory is taken") {
  const TemporaryDirectory directory;
  directory.write("a.txt", "a");
  fs::create_directory(directory.path() / "sub");
  directory.write("sub/b.txt", "b");
  CHECK(file_inside(directory.path(), "a.txt", "manifest", false) == directory.path() / "a.txt");
  CHECK(file_inside(directory.path(), "sub/b.txt", "manifest", false) == directory.path() / "sub/b.txt");
  CHECK(file_inside(directory.path() / "", "./a.txt", "manifest", false).filename() == "a.txt");
  CHECK(usual_file_inside(directory.path(), "none.json").empty());
  CHECK_THROWS_WITH_AS(file_inside(directory.path(), "none.txt", "manifest", false), doctest::Contains("not there"),
                       ModelNotFoundError);
}

TEST_CASE("a name that leads out of the directory is refused") {
  const TemporaryDirectory directory;
  for (const std::string name : {"../x", "/etc/passwd", "sub/../../x", "..", ""}) {
    for (const bool follow_links : {false, true}) {
      CHECK_THROWS_WITH_AS(file_inside(directory.path(), name, "manifest", follow_links),
                           doctest::Contains("not inside the model directory"), ModelError);
    }
  }
  CHECK_THROWS_AS(file_inside(directory.path(), std::string("a\0b", 3), "manifest", false), ModelError);
  CHECK_THROWS_AS(file_inside(directory.path(), std::string(5000, 'a'), "manifest", false), ModelError);
}

#if !defined(_WIN32)
TEST_CASE("a link may lead within the directory only, unless the caller names it") {
  const TemporaryDirectory directory, elsewhere;
  directory.write("a.txt", "a");
  fs::create_symlink("a.txt", directory.path() / "inner");
  fs::create_symlink(elsewhere.write("secret", "s"), directory.path() / "outer");
  fs::create_directory_symlink(elsewhere.path(), directory.path() / "folder");
  fs::create_symlink("loop", directory.path() / "loop");
  CHECK(file_inside(directory.path(), "inner", "manifest", false).filename() == "inner");
  CHECK_THROWS_WITH_AS(file_inside(directory.path(), "outer", "manifest", false), doctest::Contains("is a link to"),
                       ModelError);
  CHECK_THROWS_WITH_AS(file_inside(directory.path(), "folder/secret", "manifest", false),
                       doctest::Contains("copy it into the directory"), ModelError);
  CHECK_THROWS_AS(file_inside(directory.path(), "loop", "manifest", false), ModelError);
  CHECK(file_inside(directory.path(), "outer", "option", true).filename() == "outer");
  CHECK_THROWS_AS(usual_file_inside(directory.path(), "outer"), ModelError);
}

TEST_CASE("the directory itself may be reached through a link") {
  const TemporaryDirectory directory, elsewhere;
  directory.write("a.txt", "a");
  fs::create_directory_symlink(directory.path(), elsewhere.path() / "model");
  CHECK(file_inside(elsewhere.path() / "model", "a.txt", "manifest", false).filename() == "a.txt");
}

TEST_CASE("a snapshot of the Hugging Face cache links into its own blobs, not those of another repository") {
  const TemporaryDirectory cache;
  for (const char* folder : {"one/snapshots/abc", "one/blobs", "two/blobs"}) {
    fs::create_directories(cache.path() / folder);
  }
  cache.write("one/blobs/1234", "a");
  cache.write("two/blobs/5678", "b");
  const fs::path snapshot = cache.path() / "one/snapshots/abc";
  fs::create_symlink("../../blobs/1234", snapshot / "model.onnx");
  fs::create_symlink("../../../two/blobs/5678", snapshot / "tokens.txt");
  CHECK(file_inside(snapshot, "model.onnx", "directory", false).filename() == "model.onnx");
  CHECK_THROWS_WITH_AS(file_inside(snapshot, "tokens.txt", "directory", false), doctest::Contains("outside"),
                       ModelError);
}

TEST_CASE("a device or a directory is no file of a model") {
  const TemporaryDirectory directory;
  fs::create_symlink("/dev/zero", directory.path() / "zeros");
  fs::create_directory(directory.path() / "folder");
  for (const bool follow_links : {false, true}) {
    CHECK_THROWS_WITH_AS(file_inside(directory.path(), "zeros", "manifest", follow_links),
                         doctest::Contains("no regular file"), ModelError);
    CHECK_THROWS_WITH_AS(file_inside(directory.path(), "folder", "manifest", follow_links),
                         doctest::Contains("is a directory"), ModelError);
  }
}
#endif

TEST_CASE("weights in other files are found wherever a graph can hold a tensor") {
  const TemporaryDirectory directory;
  const std::string attribute = field(5, tensor("w"));
  const auto node = [&](const std::string& content) { return field(1, field(5, content)); };
  const std::string cases[] = {
      with_initializer("w"),
      model(field(15, field(1, tensor("w")))),                             // sparse initializer: values
      model(field(15, field(2, tensor("w")))),                             // indices
      model(node(attribute)),                                              // Constant
      model(node(field(10, tensor("w")))),                                 // tensors of an attribute
      model(node(field(22, field(1, tensor("w"))))),                       // sparse tensor
      model(node(field(23, field(2, tensor("w"))))),                       // sparse tensors
      model(node(field(6, field(5, tensor("w"))))),                        // If, Loop, Scan
      model(node(field(11, node(field(6, node(attribute)))))),             // graphs in graphs
      field(25, field(7, field(5, attribute))),                            // a function's node
      field(25, field(11, attribute)),                                     // a function's default attribute
      field(20, field(1, field(5, tensor("w")))),                          // training information
      field(1 << 30 | 7, field(5, tensor("w"))),                           // a graph: ONNX Runtime drops the tag's top
      model(std::string("\x0b\x0c", 2) + field(5, tensor("w"))),           // behind a group
      model(field(5, field(13, field(2, "v") + entry("location", "w")))),  // the last value counts
      model(field(5, tensor("w"))) + model(field(11, field(1, "input"))),  // a message in two pieces
  };
  for (const std::string& bytes : cases) {
    const OnnxSummary summary = summarize_onnx_file(directory.write("m.onnx", bytes));
    CHECK(summary.external_files == std::set<std::string>{"w"});
  }
  CHECK(summarize_onnx_file(fs::path(FASTCTC_MODELS) / "digits" / "offline.onnx").external_files ==
        std::set<std::string>{"weights.bin"});
}

TEST_CASE("weights outside the directory are refused, before ONNX Runtime opens them") {
  const TemporaryDirectory directory;
  directory.write("w.bin", "weights");
  check_external_data(directory.write("m.onnx", with_initializer("w.bin")));
  const auto refuses = [&](const std::string& location, const char* message) {
    const std::string path = directory.write("m.onnx", with_initializer(location));
    CHECK_THROWS_WITH_AS(check_external_data(path), doctest::Contains(message), ModelError);
  };
  refuses("/etc/passwd", "not inside the model directory");
  refuses("../w.bin", "not inside the model directory");
  refuses("sub/../../w.bin", "not inside the model directory");
  refuses("", "not inside the model directory");
  refuses("none.bin", "is missing");
  refuses("*/_ORT_MEM_ADDR_/*", "is missing");  // ONNX Runtime's own name for memory at an address
#if !defined(_WIN32)
  fs::create_symlink("/dev/zero", directory.path() / "zeros");
  refuses("zeros", "no regular file");
  const TemporaryDirectory elsewhere;
  fs::create_symlink(elsewhere.write("secret", "s"), directory.path() / "link");
  refuses("link", "is a link to");
#endif
}

TEST_CASE("graphs within graphs have an end") {
  const TemporaryDirectory directory;
  std::string graph = field(5, tensor("w"));
  for (int depth = 0; depth < 2000; ++depth) graph = field(1, field(5, field(6, graph)));
  CHECK(summarize_onnx_file(directory.write("m.onnx", model(graph))).external_files.empty());
}

TEST_CASE("any bytes are read to some end") {
  const TemporaryDirectory directory;
  unsigned state = 1;
  for (int round = 0; round < 300; ++round) {
    std::string bytes = with_initializer("weights.bin") + model(field(1, field(5, field(6, field(5, tensor("x"))))));
    for (int change = 0; change < 8; ++change) {
      state = state * 1664525u + 1013904223u;
      bytes[(state >> 8) % bytes.size()] = static_cast<char>(state >> 24);
    }
    CHECK(summarize_onnx_file(directory.write("m.onnx", bytes)).external_files.size() <= 20);
  }
}
