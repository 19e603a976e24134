#include "model/graph_files.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "fastctc/error.h"
#include "model/onnx_summary.h"

namespace fastctc {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifest = "manifest fastctc.json";
constexpr const char* kUsualNames[] = {"model.onnx", "offline.onnx"};

bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

bool is_cache_aware(const OnnxSummary& summary) {
  return std::any_of(summary.inputs.begin(), summary.inputs.end(),
                     [](const std::string& name) { return starts_with(name, "cache"); });
}

// "streaming_80ms" -> 80; -1: not such a key.
int latency_of(const std::string& key) {
  const std::string start = "streaming_", end = "ms";
  if (!starts_with(key, start) || key.size() <= start.size() + end.size()) return -1;
  const std::string digits = key.substr(start.size(), key.size() - start.size() - end.size());
  const bool plain =
      digits.size() <= 6 && std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  return plain && key.compare(key.size() - end.size(), end.size(), end) == 0 ? std::atoi(digits.c_str()) : -1;
}

bool find_in_manifest(const Manifest& manifest, GraphFiles& files) {
  const std::string prefix = "graphs.";
  bool found = false;
  for (const auto& entry : manifest.values) {
    if (!starts_with(entry.first, prefix)) continue;
    found = true;
    const std::string key = entry.first.substr(prefix.size());
    const GraphFile file{entry.second, kManifest};
    const int latency_ms = latency_of(key);
    if (key == "offline") {
      files.offline.push_back(file);
    } else if (key == "long_form") {
      files.long_form.push_back(file);
    } else if (latency_ms >= 0) {
      files.streaming[latency_ms].push_back(file);
    } else {
      throw ModelError(manifest.file + ": graphs." + key +
                       " is not known. Graphs are offline, streaming_<look-ahead>ms (such as streaming_1040ms) and "
                       "long_form.");
    }
  }
  return found;
}

std::vector<std::string> onnx_files(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".onnx") names.push_back(entry->path().filename().u8string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// A usual name wins over the others.
void keep_usual(std::vector<GraphFile>& candidates) {
  for (const char* usual : kUsualNames) {
    for (const GraphFile& file : candidates) {
      if (file.name == usual) {
        candidates = {{file.name, "file name"}};
        return;
      }
    }
  }
}

}  // namespace

GraphFiles find_graphs(const fs::path& directory, const std::string& option, const Manifest& manifest) {
  GraphFiles files;
  const auto add = [&](const GraphFile& file) {
    const OnnxSummary summary = summarize_onnx_file(directory / fs::u8path(file.name));
    if (!is_cache_aware(summary)) {
      files.offline.push_back(file);
      return;
    }
    const auto chunk = summary.metadata.find("chunk_shift");
    const long long frames = chunk == summary.metadata.end() ? 0 : std::atoll(chunk->second.c_str());
    files.streaming_by_chunk_frames[frames].push_back(file);
  };
  if (!option.empty()) {
    add({option, "option"});
    return files;
  }
  if (find_in_manifest(manifest, files)) return files;
  const std::vector<std::string> names = onnx_files(directory);
  for (const std::string& name : names) add({name, names.size() == 1 ? "only .onnx file" : "directory"});
  keep_usual(files.offline);
  for (auto& entry : files.streaming_by_chunk_frames) keep_usual(entry.second);
  return files;
}

}  // namespace fastctc
