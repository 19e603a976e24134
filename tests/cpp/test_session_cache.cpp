#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "acoustic/session/exact_products.h"
#include "acoustic/session/session_cache.h"
#include "acoustic/session/session_key.h"
#include "base/content_hash.h"
#include "base/file.h"
#include "base/processor.h"
#include "base/protobuf.h"
#include "model/external_weights.h"
#include "model/onnx_summary.h"
#include "temporary_directory.h"

using namespace fastctc;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kModelGraph = 7, kInitializer = 5, kName = 8, kExternal = 13;

std::string tensor(const std::string& name, const std::map<std::string, std::string>& entries) {
  std::string result;
  append_field(result, kName, name);
  for (const auto& [key, value] : entries) {
    std::string entry;
    append_field(entry, 1, key);
    append_field(entry, 2, value);
    append_field(result, kExternal, entry);
  }
  return result;
}

std::string model(const std::vector<std::string>& tensors) {
  std::string graph;
  for (const std::string& bytes : tensors) append_field(graph, kInitializer, bytes);
  append_field(graph, 2, "the graph's name");
  std::string result;
  append_field(result, kModelGraph, graph);
  append_field(result, 2, "the producer");
  return result;
}

std::string read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::size_t count(const fs::path& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

// Saves a graph of one weight.
SessionCache::Save saving(const std::string& weight) {
  return [weight](const fs::path& graph, const std::string& weights_name) {
    const std::string length = std::to_string(weight.size());
    std::ofstream(graph, std::ios::binary)
        << model({tensor("w", {{"location", weights_name}, {"offset", "0"}, {"length", length}})});
    std::ofstream(graph.parent_path() / weights_name, std::ios::binary) << weight;
  };
}

EngineInfo engine(const std::string& version) { return {"libonnxruntime.so.1", version, {"CPUExecutionProvider"}}; }

}  // namespace

TEST_CASE("contents that differ have other hashes") {
  const std::string text = "weights of nine bytes or more";
  CHECK(content_hash({text}) == content_hash({text}));
  CHECK(content_hash({text}).size() == 32);
  std::map<std::string, int> seen;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string other = text;
      other[i] = static_cast<char>(other[i] ^ (1 << bit));
      ++seen[content_hash({other})];
    }
    ++seen[content_hash({std::string_view(text).substr(0, i)})];
  }
  CHECK(seen.size() == text.size() * 9);
  CHECK(content_hash({"ab", "c"}) != content_hash({"a", "bc"}));
  CHECK(content_hash({std::string(8, '\0')}) != content_hash({std::string(16, '\0')}));
}

TEST_CASE("processors without VNNI are told to multiply bytes exactly") {
  const auto saturates = [](bool x86, bool avx_vnni, bool avx512_vnni) {
    ProductInstructions instructions;
    instructions.x86 = x86;
    instructions.avx_vnni = avx_vnni;
    instructions.avx512_vnni = avx512_vnni;
    return products_saturate(instructions);
  };
  CHECK(saturates(true, false, false));  // Haswell, Zen 1 to 3, Skylake's servers
  CHECK_FALSE(saturates(true, true, false));
  CHECK_FALSE(saturates(true, false, true));
  CHECK_FALSE(saturates(true, true, true));
  CHECK_FALSE(saturates(false, false, false));  // ARM

  const SessionOptions plain;
  CHECK(with_exact_products(plain, false).config_entries == plain.config_entries);
  const SessionOptions exact = with_exact_products(plain, true);
  REQUIRE(exact.config_entries.size() == plain.config_entries.size() + 1);
  CHECK(exact.config_entries.back().first == "session.x64quantprecision");
  CHECK(exact.config_entries.back().second == "1");
  SessionOptions said = plain;
  said.config_entries.emplace_back(kExactProducts, "0");
  CHECK(with_exact_products(said, true).config_entries == said.config_entries);
}

TEST_CASE("weights move to a pool with what was packed of them") {
  const TemporaryDirectory place;
  const fs::path pool = place.path() / "weights";
  fs::create_directory(pool);
  const std::string weights = "--rawPACKEDsecond++";
  const std::string onnx = model(
      {tensor("w",
              {{"location", "saved.bin"}, {"offset", "2"}, {"length", "3"}, {"prepacked_0", "MatMul+17|5;6;0|11;6;0"}}),
       tensor("same",
              {{"location", "saved.bin"}, {"offset", "2"}, {"length", "3"}, {"prepacked_0", "Gemm+17|5;6;0|11;6;0"}}),
       tensor("inside", {})});
  CHECK(summarize_onnx(onnx).external_files == std::set<std::string>{"saved.bin"});
  const PooledGraph pooled = pool_weights(onnx, "saved.bin", weights, pool);
  REQUIRE(pooled.files.size() == 1);
  const std::string name = pooled.files.begin()->first;
  const std::string file = read(pool / name);
  CHECK(file.size() == pooled.files.begin()->second);
  CHECK(file.substr(0, 3) == "raw");
  CHECK(file.substr(4096, 6) == "PACKED");
  CHECK(file.substr(8192) == "second");
  const auto expected = [&](const std::string& operation) {
    return std::map<std::string, std::string>{{"location", "weights/" + name},
                                              {"offset", "0"},
                                              {"length", "3"},
                                              {"prepacked_0", operation + "+17|4096;6;0|8192;6;0"}};
  };
  for (const auto& operation : {"MatMul", "Gemm"}) {
    std::string entry;
    append_field(entry, 1, "prepacked_0");
    append_field(entry, 2, expected(operation).at("prepacked_0"));
    CHECK(pooled.onnx.find(entry) != std::string::npos);
  }
  CHECK(pooled.onnx.find("the graph's name") != std::string::npos);
  CHECK(pooled.onnx.find("the producer") != std::string::npos);
  CHECK(summarize_onnx(pooled.onnx).external_files == std::set<std::string>{"weights/" + name});

  SUBCASE("a second graph of the same weights adds nothing") {
    CHECK(pool_weights(onnx, "saved.bin", weights, pool).onnx == pooled.onnx);
    CHECK(count(pool) == 1);
  }
  SUBCASE("another content under the same name is replaced") {
    for (const std::size_t size : {file.size(), file.size() - 1}) {
      std::ofstream(pool / name, std::ios::binary) << std::string(size, 'x');
      CHECK(pool_weights(onnx, "saved.bin", weights, pool).onnx == pooled.onnx);
      CHECK(read(pool / name) == file);
      CHECK(count(pool) == 1);
    }
  }
}

TEST_CASE("weights of graphs inside nodes move too") {
  const TemporaryDirectory place;
  std::string inner, attribute, node, graph, onnx;
  append_field(inner, kInitializer, tensor("w", {{"location", "saved.bin"}, {"offset", "0"}, {"length", "4"}}));
  append_field(attribute, 1, "then_branch");
  append_field(attribute, 6, inner);
  append_field(node, 4, "If");
  append_field(node, 5, attribute);
  append_field(graph, 1, node);
  append_field(onnx, kModelGraph, graph);
  CHECK(summarize_onnx(onnx).external_files == std::set<std::string>{"saved.bin"});
  const PooledGraph pooled = pool_weights(onnx, "saved.bin", "0123", place.path());
  REQUIRE(pooled.files.size() == 1);
  CHECK(read(place.path() / pooled.files.begin()->first) == "0123");
  const std::string location = place.path().filename().u8string() + "/" + pooled.files.begin()->first;
  CHECK(summarize_onnx(pooled.onnx).external_files == std::set<std::string>{location});
  CHECK(pooled.onnx.find("then_branch") != std::string::npos);
}

TEST_CASE("what ONNX Runtime didn't save as asked is refused") {
  const TemporaryDirectory place;
  const auto pool_one = [&](const std::map<std::string, std::string>& entries) {
    return pool_weights(model({tensor("w", entries)}), "saved.bin", "0123456789", place.path());
  };
  CHECK_NOTHROW(pool_one({{"location", "saved.bin"}, {"offset", "8"}, {"length", "2"}}));
  CHECK_THROWS_AS(pool_one({{"location", "other.bin"}, {"offset", "0"}, {"length", "2"}}), std::runtime_error);
  CHECK_THROWS_AS(pool_one({{"location", "saved.bin"}, {"offset", "9"}, {"length", "2"}}), std::runtime_error);
  CHECK_THROWS_AS(pool_one({{"location", "saved.bin"}, {"offset", "-1"}, {"length", "2"}}), std::runtime_error);
  CHECK_THROWS_AS(pool_one({{"location", "saved.bin"}, {"offset", "18446744073709551615"}, {"length", "2"}}),
                  std::runtime_error);
  CHECK_THROWS_AS(pool_one({{"location", "saved.bin"}, {"length", "2"}, {"prepacked_0", "MatMul|0"}}),
                  std::runtime_error);
  const std::string whole = model({tensor("w", {{"location", "saved.bin"}, {"length", "2"}})});
  CHECK_THROWS_AS(pool_weights(whole.substr(0, whole.size() - 3), "saved.bin", "0123", place.path()),
                  std::runtime_error);
}

TEST_CASE("entries are found, renewed and removed") {
  const TemporaryDirectory place;
  const SessionCache cache(place.path() / "sessions");
  const SessionKey key{"one", 100};
  CHECK_FALSE(cache.find(key));
  const auto made = cache.make(key, "model.onnx", saving("weights"));
  REQUIRE(made);
  CHECK(fs::exists(made->graph));
  REQUIRE(cache.find(key));
  CHECK(cache.find(key)->findings.empty());
  cache.keep(key, {{"probe", "7"}});
  CHECK(cache.find(key)->findings.at("probe") == "7");

  SUBCASE("a missing graph") {
    fs::remove(made->graph);
    CHECK_FALSE(cache.find(key));
  }
  SUBCASE("weights of another size") {
    const fs::path weights = fs::directory_iterator(place.path() / "sessions" / "weights")->path();
    std::ofstream(weights, std::ios::app) << "x";
    CHECK_FALSE(cache.find(key));
  }
  SUBCASE("removal") {
    cache.remove(key);
    CHECK_FALSE(cache.find(key));
    CHECK_FALSE(fs::exists(made->graph));
  }
  SUBCASE("a graph that can't be saved") {
    cache.give_up(key, "model.onnx", "no kernel");
    REQUIRE(cache.find(key));
    CHECK(cache.find(key)->graph.empty());
  }
  SUBCASE("a save that fails leaves nothing") {
    const std::size_t before = count(place.path() / "sessions");
    CHECK_THROWS_AS(cache.make({"two", 100}, "model.onnx",
                               [](const fs::path& graph, const std::string&) {
                                 std::ofstream(graph) << "half";
                                 throw std::logic_error("stopped");
                               }),
                    std::logic_error);
    CHECK(count(place.path() / "sessions") == before);
    CHECK_FALSE(cache.find({"two", 100}));
  }
  SUBCASE("a save without weights is not tried again") {
    CHECK_FALSE(cache.make({"two", 100}, "model.onnx",
                           [](const fs::path& graph, const std::string&) { std::ofstream(graph) << model({}); }));
    REQUIRE(cache.find({"two", 100}));
    CHECK(cache.find({"two", 100})->graph.empty());
  }
  SUBCASE("too little space") {
    CHECK_FALSE(cache.make({"two", std::uintmax_t{1} << 60}, "model.onnx", saving("weights")));
  }
}

TEST_CASE("a new entry sweeps out what nobody needs") {
  const TemporaryDirectory place;
  const fs::path sessions = place.path() / "sessions";
  const SessionCache cache(sessions);
  REQUIRE(cache.make({"one", 1}, "model.onnx", saving("weights of one")));
  REQUIRE(cache.make({"two", 1}, "model.onnx", saving("weights of two")));
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(48);
  const auto age = [&](const fs::path& path) { fs::last_write_time(path, long_ago); };
  fs::create_directory(sessions / "dead.part-1-2");
  fs::create_directory(sessions / "alive.part-1-2");
  std::ofstream(sessions / "weights" / "orphan.bin") << "x";
  std::ofstream(sessions / "weights" / "young.bin") << "x";
  std::ofstream(sessions / "broken.json") << "{";
  age(sessions / "dead.part-1-2");
  age(sessions / "weights" / "orphan.bin");
  cache.remove({"one", 1});
  for (const auto& file : fs::directory_iterator(sessions / "weights")) {
    if (file.path().filename() != "young.bin") age(file.path());
  }
  REQUIRE(cache.make({"three", 1}, "model.onnx", saving("weights of three")));
  CHECK_FALSE(fs::exists(sessions / "dead.part-1-2"));
  CHECK(fs::exists(sessions / "alive.part-1-2"));
  CHECK_FALSE(fs::exists(sessions / "broken.json"));
  CHECK(count(sessions / "weights") == 3);  // of two, of three, and the young one
  CHECK(cache.find({"two", 1}));
  CHECK(cache.find({"three", 1}));
}

TEST_CASE("a session is kept for one graph, library and set of options") {
  const TemporaryDirectory place;
  const fs::path graph = place.write("model.onnx", model({tensor("w", {{"location", "w.bin"}})}));
  const std::string weights(9 << 20, 'w');
  place.write("w.bin", weights);
  const SessionOptions plain;
  const auto key = session_key(graph, plain, engine("1.32.0"));
  REQUIRE(key);
  CHECK(key->n_bytes == weights.size() + fs::file_size(graph));
  CHECK(session_key(graph, plain, engine("1.32.0"))->name == key->name);
  CHECK(session_key(graph, plain, engine("1.32.1"))->name != key->name);
  CHECK_FALSE(session_key(graph, plain, engine("1.20.1")));
  CHECK_FALSE(session_key(graph, plain, engine("unknown")));

  SessionOptions other = plain;
  other.graph_optimization = "extended";
  CHECK(session_key(graph, other, engine("1.32.0"))->name != key->name);
  other = plain;
  other.config_entries.emplace_back("session.set_denormal_as_zero", "1");
  CHECK(session_key(graph, other, engine("1.32.0"))->name != key->name);
  CHECK(session_key(graph, with_exact_products(plain, true), engine("1.32.0"))->name != key->name);
  other = plain;
  other.intra_op_threads = 2;
  other.config_entries = {{"session.intra_op.allow_spinning", "1"}, {"session.inter_op.allow_spinning", "0"}};
  CHECK(session_key(graph, other, engine("1.32.0"))->name == key->name);
  other.provider = "CUDA";
  CHECK_FALSE(session_key(graph, other, engine("1.32.0")));
  other = plain;
  other.cache = false;
  CHECK_FALSE(session_key(graph, other, engine("1.32.0")));

  const auto time = fs::last_write_time(place.path() / "w.bin");
  fs::last_write_time(place.path() / "w.bin", time + std::chrono::seconds(1));
  CHECK(session_key(graph, plain, engine("1.32.0"))->name != key->name);
  std::string changed = weights;
  changed[0] = 'v';  // of the same size and time
  place.write("w.bin", changed);
  fs::last_write_time(place.path() / "w.bin", time);
  CHECK(session_key(graph, plain, engine("1.32.0"))->name != key->name);
  fs::remove(place.path() / "w.bin");
  CHECK_FALSE(session_key(graph, plain, engine("1.32.0")));
  CHECK_FALSE(session_key(place.path() / "none.onnx", plain, engine("1.32.0")));
}
