#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "loading/shared_loads.h"
#include "options/load_key.h"
#include "temporary_directory.h"

using namespace fastctc;

TEST_CASE("threads that ask for the same get one object") {
  SharedLoads<const int> loads;
  std::atomic<int> n_made{0};
  std::atomic<int> n_different{0};
  const auto make = [&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return std::make_shared<const int>(++n_made);
  };
  const std::shared_ptr<const int> held = loads.get("a", make);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 20; ++k) {
        if (loads.get("a", make) != held) ++n_different;
        loads.get("other " + std::to_string(k % 3), make);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(n_different == 0);
  CHECK(*held == 1);
}

TEST_CASE("an object lives as long as someone holds it, and a failure is no object") {
  SharedLoads<const int> loads;
  int n_made = 0;
  const auto make = [&] { return std::make_shared<const int>(++n_made); };
  CHECK(*loads.get("a", make) == 1);
  const auto second = loads.get("a", make);
  CHECK(*second == 2);
  CHECK(loads.get("a", make) == second);
  CHECK_THROWS_AS(loads.get("b", []() -> std::shared_ptr<const int> { throw std::runtime_error("no"); }),
                  std::runtime_error);
  CHECK(*loads.get("b", make) == 3);
}

TEST_CASE("a directory that changed is another") {
  const TemporaryDirectory place;
  place.write("model.onnx", "graph");
  const std::string directory = place.path().u8string();
  const std::string before = load_key(directory, {}, {});
  CHECK(load_key(directory + "/", {}, {}) == before);
  place.write("tokens.txt", "a 0");
  const std::string with_tokens = load_key(directory, {}, {});
  CHECK(with_tokens != before);
  place.write("tokens.txt", "a 0\nb 1");
  CHECK(load_key(directory, {}, {}) != with_tokens);
  CHECK(load_key(place.file("none"), {}, {}) != before);
  ModelOptions options;
  options.blank_id = 10;
  CHECK(load_key(directory, options, {}) != load_key(directory, {}, {}));
  SessionOptions session;
  session.intra_op_threads = 2;
  CHECK(load_key(directory, {}, session) != load_key(directory, {}, {}));
  ModelOptions one, other;
  one.graph = "ab";
  one.tokens = "c";
  other.graph = "a";
  other.tokens = "bc";
  CHECK(load_key(directory, one, {}) != load_key(directory, other, {}));
}
