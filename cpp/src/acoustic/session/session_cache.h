// Keeps graphs on disk as ONNX Runtime runs them on this processor: optimized, their weights packed and mapped into
// memory, one copy of each for all graphs and all processes.
//
//   sessions/<key>.json     what a session was made of, the files of its weights, findings; written last
//   sessions/<key>.onnx     the optimized graph
//   sessions/weights/*.bin  weights by their content
//
// Every file is made under another name and renamed, so processes need no lock: two that make the same session make the
// same files. Broken or missing files are made again. If nothing can be written, nothing is kept.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "acoustic/session/findings.h"
#include "acoustic/session/session_key.h"

namespace fastctc {

class SessionCache {
 public:
  struct Entry {
    std::filesystem::path graph;  // empty: no session of this graph is kept
    Findings::Values findings;
  };
  // Saves an optimized graph at the first path, all its weights in a file of the second name beside it.
  using Save = std::function<void(const std::filesystem::path& graph, const std::string& weights_name)>;

  explicit SessionCache(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // Empty if there is no complete entry.
  std::optional<Entry> find(const SessionKey& key) const;
  // Makes the entry. source: the graph's path, for people. Empty, with a message in the log, if it can't be kept.
  // Raises what save() raises.
  std::optional<Entry> make(const SessionKey& key, const std::string& source, const Save& save) const;
  // Makes an entry for findings alone.
  void leave(const SessionKey& key, const std::string& source, const std::string& reason) const;
  // Makes an entry for a graph that ONNX Runtime can't save, and logs it.
  void give_up(const SessionKey& key, const std::string& source, const std::string& reason) const;
  void remove(const SessionKey& key) const;
  // Writes findings of an entry; a failure is ignored.
  void keep(const SessionKey& key, const Findings::Values& findings) const;

 private:
  struct Record;

  std::filesystem::path path(const SessionKey& key, const char* extension) const;
  std::optional<Record> read(const std::filesystem::path& path) const;
  void write(const SessionKey& key, const Record& record) const;
  bool has_weights(const Record& record) const;
  void sweep(const std::string& newest) const;

  std::filesystem::path directory_;
};

}  // namespace fastctc
