#include "model/external_weights.h"

#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "base/content_hash.h"
#include "base/file.h"
#include "base/mapped_file.h"
#include "base/numbers.h"
#include "base/protobuf.h"
#include "model/onnx_fields.h"

namespace fastctc {
namespace {

using namespace onnx;  // field numbers

namespace fs = std::filesystem;

constexpr char kPacked[] = "prepacked_";
// ONNX Runtime maps the packed buffers of a weight one by one, so each begins a page of its own.
constexpr std::size_t kAlignment = 4096;

using Entries = std::vector<std::pair<std::string, std::string>>;

// A message made anew with what change() gives for some of its fields; change() returns false where one stays.
template <class Change>
std::string changed(std::string_view message, Change change) {
  std::string result;
  ProtobufMessage fields(message);
  while (fields.next()) {
    std::string content;
    if (change(fields.field(), fields.content(), content)) {
      append_field(result, fields.field(), content);
    } else {
      result += fields.whole();
    }
  }
  if (fields.is_broken()) throw std::runtime_error("a graph that is broken");
  return result;
}

// A GraphProto with move(tensor) in place of each initializer that is external, in the graphs of its nodes too.
template <class Move>
std::string with_moved_weights(std::string_view graph, const Move& move) {
  const auto in_attribute = [&](std::uint64_t field, std::string_view content, std::string& result) {
    if (field != kAttributeGraph && field != kAttributeGraphs) return false;
    result = with_moved_weights(content, move);
    return true;
  };
  const auto in_node = [&](std::uint64_t field, std::string_view content, std::string& result) {
    if (field != kNodeAttribute) return false;
    result = changed(content, in_attribute);
    return true;
  };
  return changed(graph, [&](std::uint64_t field, std::string_view content, std::string& result) {
    if (field == kGraphNode) {
      result = changed(content, in_node);
      return true;
    }
    return field == kGraphInitializer && move(content, result);
  });
}

std::string_view part(std::string_view weights, std::string_view offset, std::string_view length) {
  std::uint64_t begin = 0, n_bytes = 0;
  if (!parse_number(offset, &begin) || !parse_number(length, &n_bytes)) {
    throw std::runtime_error("a place of a weight that is no number");
  }
  if (begin > weights.size() || n_bytes > weights.size() - begin) {
    throw std::runtime_error("a weight past the end of its file");
  }
  return weights.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(n_bytes));
}

// One initializer's file of the pool, and the entries that say where in it its parts are.
class PooledTensor {
 public:
  PooledTensor(const Entries& entries, const std::string& weights_name, std::string_view weights) {
    std::string offset = "0", length;
    for (const auto& [key, value] : entries) {
      if (key == "offset") offset = value;
      if (key == "length") length = value;
      if (key == "location" && value != weights_name) throw std::runtime_error("a weight that isn't in its file");
    }
    add(part(weights, offset, length));
    entries_ = {{"location", ""}, {"offset", "0"}, {"length", length}};
    for (const auto& [key, value] : entries) {
      if (key.compare(0, sizeof kPacked - 1, kPacked) == 0) add_packed(key, value, weights);
    }
  }

  // Writes the file, unless it is there, and sets the entries' location.
  void write(const fs::path& pool, std::map<std::string, std::uint64_t>& files) {
    const std::string name = content_hash(parts_) + ".bin";
    // Not taken on trust: it may be broken, and whoever can write a model could choose its hash.
    if (fs::exists(pool / name) && is_in(pool / name)) {
      std::error_code ignored;
      fs::last_write_time(pool / name, fs::file_time_type::clock::now(), ignored);  // a sweep may be under way
    } else {
      write_durably(pool / name, parts_);
    }
    files[name] = end_;
    entries_[0].second = pool.filename().u8string() + "/" + name;
  }

  const Entries& entries() const { return entries_; }

 private:
  void add(std::string_view bytes) {
    parts_.push_back(bytes);
    end_ += bytes.size();
  }

  // "key|offset;length;checksum|offset;length;checksum...": a blob for each buffer that the operator packed.
  void add_packed(const std::string& key, const std::string& value, std::string_view weights) {
    std::size_t begin = value.find('|');
    std::string moved = value.substr(0, begin);
    while (begin != std::string::npos) {
      const std::size_t end = value.find('|', begin + 1);
      const std::string blob = value.substr(begin + 1, end == std::string::npos ? end : end - begin - 1);
      const std::size_t first = blob.find(';');
      const std::size_t second = first == std::string::npos ? first : blob.find(';', first + 1);
      if (second == std::string::npos) throw std::runtime_error("a packed weight in an unknown notation");
      static const std::string kZeros(kAlignment, '\0');
      add(std::string_view(kZeros).substr(0, (kAlignment - end_ % kAlignment) % kAlignment));
      const std::string_view text = blob;
      moved += "|" + std::to_string(end_) + blob.substr(first);
      add(part(weights, text.substr(0, first), text.substr(first + 1, second - first - 1)));
      begin = end;
    }
    entries_.emplace_back(key, moved);
  }

  bool is_in(const fs::path& path) const {
    const MappedFile file(path.u8string(), path.u8string());
    if (file.size() != end_) return false;
    const char* position = file.data();
    for (const std::string_view bytes : parts_) {
      if (std::string_view(position, bytes.size()) != bytes) return false;
      position += bytes.size();
    }
    return true;
  }

  std::vector<std::string_view> parts_;
  std::size_t end_ = 0;
  Entries entries_;
};

std::string with_entries(std::string_view tensor, const Entries& entries) {
  std::string result;
  ProtobufMessage fields(tensor);
  while (fields.next()) {
    if (fields.field() != kTensorExternal) result += fields.whole();
  }
  for (const auto& [key, value] : entries) {
    std::string entry;
    append_field(entry, kEntryKey, key);
    append_field(entry, kEntryValue, value);
    append_field(result, kTensorExternal, entry);
  }
  return result;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> external_data(std::string_view tensor) {
  Entries entries;
  ProtobufMessage fields(tensor);
  while (fields.next()) {
    if (fields.field() != kTensorExternal) continue;
    std::pair<std::string, std::string> entry;
    ProtobufMessage parts(fields.content());
    while (parts.next()) {
      if (parts.field() == kEntryKey) entry.first = parts.content();
      if (parts.field() == kEntryValue) entry.second = parts.content();
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

PooledGraph pool_weights(std::string_view onnx, const std::string& weights_name, std::string_view weights,
                         const fs::path& pool) {
  PooledGraph result;
  const auto move = [&](std::string_view content, std::string& moved) {
    const Entries entries = external_data(content);
    if (entries.empty()) return false;
    PooledTensor tensor(entries, weights_name, weights);
    tensor.write(pool, result.files);
    moved = with_entries(content, tensor.entries());
    return true;
  };
  result.onnx = changed(onnx, [&](std::uint64_t field, std::string_view content, std::string& graph) {
    if (field != kModelGraph) return false;
    graph = with_moved_weights(content, move);
    return true;
  });
  return result;
}

}  // namespace fastctc
