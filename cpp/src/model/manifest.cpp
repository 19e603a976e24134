#include "model/manifest.h"

#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::size_t kMaxBytes = 1 << 20;
constexpr int kFormatVersion = 1;

std::string scalar_text(const Json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number()) return value.dump();
  throw ModelError(where + " must be a string, a number or true/false, not " + value.type_name() + ".");
}

std::string list_text(const Json& list, const std::string& where) {
  std::string text;
  for (const Json& item : list) text += (text.empty() ? "" : ",") + scalar_text(item, where);
  return text;
}

void flatten(const Json& object, const std::string& prefix, const std::string& file,
             std::map<std::string, std::string>& values) {
  for (const auto& [key, value] : object.items()) {
    const std::string name = prefix + key;
    const std::string where = file + ": " + name;
    if (value.is_object()) {
      // Objects stand in objects nowhere in the format; deeper ones are other programs' business.
      if (prefix.empty()) flatten(value, name + ".", file, values);
    } else if (value.is_array()) {
      if (value.empty() || !value.front().is_structured()) values[name] = list_text(value, where);
    } else if (!value.is_null()) {
      values[name] = scalar_text(value, where);
    }
  }
}

// Refuses while reading what this format never has, and what one reader takes for this and another for that.
class StrictParse {
 public:
  explicit StrictParse(std::string file) : file_(std::move(file)) {}

  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kDeepest) throw ModelError(file_ + " is nested deeper than " + std::to_string(kDeepest) + " levels.");
    if (event == Json::parse_event_t::object_start) keys_.emplace_back();
    if (event == Json::parse_event_t::object_end) keys_.pop_back();
    if (event == Json::parse_event_t::key && !keys_.back().insert(parsed.get<std::string>()).second) {
      throw ModelError(file_ + ": the key " + parsed.dump() + " stands twice. Remove one of them.");
    }
    return true;
  }

 private:
  static constexpr int kDeepest = 32;
  std::string file_;
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
};

// Nothing where there is no file.
template <class Parse>
Manifest read(const fs::path& path, Parse parse) {
  std::error_code error;
  if (path.empty() || !fs::exists(path, error)) return {};
  const std::string file = path.u8string();
  if (!fs::is_regular_file(path, error)) throw ModelError(file + " is not a regular file.");
  return parse(read_file(file, file, kMaxBytes), file);
}

Json parse_json(const std::string& text, const std::string& file) {
  Json json;
  try {
    json = Json::parse(text, StrictParse(file));
  } catch (const Json::exception& parse_error) {
    throw ModelError(file + " is not JSON: " + parse_error.what());
  }
  if (!json.is_object()) throw ModelError(file + " must hold one JSON object, not " + json.type_name() + ".");
  return json;
}

void refuse_type(const std::string& file, const std::string& name, const char* expected, const Json& value) {
  throw ModelError(file + ": " + name + " must be " + expected + ", not " + value.type_name() + ".");
}

void check_types(const Json& manifest, const std::string& file) {
  const auto value_of = [&](const char* name) {
    const auto found = manifest.find(name);
    return found == manifest.end() || found->is_null() ? nullptr : &*found;
  };
  for (const char* name : {"graphs", "frontend", "subsampling"}) {
    const Json* value = value_of(name);
    if (value && !value->is_object()) refuse_type(file, name, "an object", *value);
  }
  for (const char* name : {"blank_id", "text_style", "max_encoder_frames", "log_probs_kind"}) {
    const Json* value = value_of(name);
    if (value && value->is_structured()) refuse_type(file, name, "one value", *value);
  }
  for (const char* name : {"tokens", "tokenizer"}) {
    const Json* value = value_of(name);
    if (value && !value->is_string()) refuse_type(file, name, "a file's name", *value);
  }
  const Json* graphs = value_of("graphs");
  if (!graphs) return;
  for (const auto& [key, value] : graphs->items()) {
    if (!value.is_string()) refuse_type(file, "graphs." + key, "a file's name", value);
  }
}

}  // namespace

const std::string* Manifest::find(const std::string& name) const {
  const auto found = values.find(name);
  return found == values.end() ? nullptr : &found->second;
}

Manifest read_manifest(const fs::path& path) { return read(path, parse_manifest); }

Manifest read_onnx_asr_config(const fs::path& path) { return read(path, parse_onnx_asr_config); }

Manifest parse_manifest(const std::string& text, const std::string& file) {
  const Json json = parse_json(text, file);
  Manifest manifest{file, {}};
  const auto version = json.find("fastctc");
  if (version == json.end() || *version != kFormatVersion) {
    throw ModelError(manifest.file + ": \"fastctc\" (the version of the format) must be " +
                     std::to_string(kFormatVersion) +
                     (version == json.end() ? "; it is missing." : "; it is " + version->dump() + "."));
  }
  check_types(json, manifest.file);
  flatten(json, "", manifest.file, manifest.values);
  return manifest;
}

Manifest parse_onnx_asr_config(const std::string& text, const std::string& file) {
  const Json json = parse_json(text, file);
  const auto type = json.find("model_type");
  if (type == json.end() || *type != "nemo-conformer-ctc") return {};
  Manifest manifest{file, {}};
  std::map<std::string, std::string> found;
  flatten(json, "", manifest.file, found);
  if (found.count("features_size")) manifest.values["frontend.n_mels"] = found["features_size"];
  if (found.count("subsampling_factor")) manifest.values["subsampling.factor"] = found["subsampling_factor"];
  // onnx-asr normalises every NeMo model this way, so a bundle that works there needs it.
  manifest.values["frontend.normalize"] = "per_feature";
  return manifest;
}

}  // namespace fastctc
