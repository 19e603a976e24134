// Weights that an ONNX graph keeps in other files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fastctc {

// A TensorProto's external_data: location, offset, length, and what ONNX Runtime adds. Empty where it has none.
std::vector<std::pair<std::string, std::string>> external_data(std::string_view tensor);

// A graph whose weights are in a pool.
struct PooledGraph {
  std::string onnx;
  std::map<std::string, std::uint64_t> files;  // used of the pool: bytes of each, by name
};

// Moves the weights of a graph that ONNX Runtime saved, all of them in the file `weights`, to one file each of the
// directory `pool`, named by their content, so that graphs with the same weights share them, on disk and in memory.
// What ONNX Runtime packed of a weight stands behind it. The graph is to be kept beside the pool. Files of the pool are
// compared before they are used, and replaced where they are not what their name says. Raises std::runtime_error on
// what it doesn't know, std::filesystem::filesystem_error when the disk doesn't take it.
PooledGraph pool_weights(std::string_view onnx, const std::string& weights_name, std::string_view weights,
                         const std::filesystem::path& pool);

}  // namespace fastctc
