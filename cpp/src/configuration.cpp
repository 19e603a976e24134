#include "fastctc/configuration.h"

#include <array>
#include <utility>

#include "configuration_decoder.h"
#include "options/json_object.h"

namespace fastctc {
namespace {

// Structs within structs, by the names of their fields.
constexpr std::array<const char*, 7> kObjects = {"session",      "frontend", "decoder", "confidence",
                                                 "conversation", "vad",      "endpoint"};
// Their fields' names are not ours, and hold dots themselves.
constexpr std::array<const char*, 2> kMaps = {"config_entries", "provider_options"};

template <std::size_t N>
bool contains(const std::array<const char*, N>& names, const std::string& name) {
  for (const char* one : names) {
    if (name == one) return true;
  }
  return false;
}

Json nest(const std::string& name, Json value) {
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos || dot == 0) return Json{{name, std::move(value)}};
  const std::string first = name.substr(0, dot);
  const std::string rest = name.substr(dot + 1);
  if (contains(kMaps, first)) return Json{{first, Json{{rest, std::move(value)}}}};
  if (contains(kObjects, first)) return Json{{first, nest(rest, std::move(value))}};
  throw OptionError("There is no option '" + name + "': '" + first + "' is no group of options.");
}

SessionOptions session_options(SessionOptions options, const Json& json) {
  JsonObject object(json, "session.");
  object.read("library", options.library);
  object.read("intra_op_threads", options.intra_op_threads);
  object.read("inter_op_threads", options.inter_op_threads);
  object.read("provider", options.provider);
  object.read("provider_options", options.provider_options);
  object.read("graph_optimization", options.graph_optimization);
  object.read("config_entries", options.config_entries);
  object.read("memory_arena", options.memory_arena);
  object.read("instruction_set", options.instruction_set);
  object.read("cache", options.cache);
  object.finish();
  return options;
}

// Python has true and false for it, manifests too.
void read_causal(JsonObject& object, int& value) {
  const Json* field = object.find("subsampling_causal");
  if (field && field->is_boolean()) {
    value = field->get<bool>() ? 1 : 0;
  } else {
    object.read("subsampling_causal", value);
  }
}

VadOptions vad_options(VadOptions options, const Json& json) {
  JsonObject object(json, "vad.");
  object.read("kind", options.kind,
              {{"none", VadKind::none}, {"energy", VadKind::energy}, {"silero", VadKind::silero}});
  object.read("model", options.model);
  object.read("threshold", options.threshold);
  object.read("min_level_db", options.min_level_db);
  object.read("snr_db", options.snr_db);
  object.read("min_speech_s", options.min_speech_s);
  object.read("min_silence_s", options.min_silence_s);
  object.read("padding_s", options.padding_s);
  object.finish();
  return options;
}

EndpointOptions endpoint_options(EndpointOptions options, const Json& json) {
  JsonObject object(json, "endpoint.");
  object.read("silence_after_speech_s", options.silence_after_speech_s);
  object.read("silence_without_speech_s", options.silence_without_speech_s);
  object.read("max_length_s", options.max_length_s);
  object.finish();
  return options;
}

}  // namespace

void set_options(LoadOptions& options, const std::string& json) {
  const Json root = parse_object(json);
  LoadOptions result = options;
  ModelOptions& model = result.model;
  JsonObject object(root, "");
  object.read("graph", model.graph);
  object.read("tokens", model.tokens);
  object.read("tokenizer", model.tokenizer);
  object.read("normalize", model.normalize);
  object.read("text_style", model.text_style);
  object.read("frontend_preset", model.frontend_preset);
  object.read("frontend", model.frontend);
  object.read("blank_id", model.blank_id);
  object.read("subsampling_factor", model.subsampling_factor);
  read_causal(object, model.subsampling_causal);
  object.read("max_encoder_frames", model.max_encoder_frames);
  object.read("log_probs_kind", model.log_probs_kind);
  object.read("window_frames", model.window_frames);
  object.read("chunk_frames", model.chunk_frames);
  if (const Json* session = object.find("session")) result.session = session_options(result.session, *session);
  object.finish();
  options = std::move(result);
}

void set_options(DecoderOptions& options, const std::string& json, const Vocabulary& vocabulary) {
  options = decoder_options(options, parse_object(json), "", vocabulary);
}

void set_options(LongFormOptions& options, const std::string& json, const Vocabulary& vocabulary) {
  const Json root = parse_object(json);
  LongFormOptions result = options;
  JsonObject object(root, "");
  object.read("one_shot_max_s", result.one_shot_max_s);
  object.read("window_s", result.window_s);
  object.read("overlap_s", result.overlap_s);
  if (const Json* vad = object.find("vad")) result.vad = vad_options(result.vad, *vad);
  const Json* decoder = object.find("decoder");
  object.finish();
  if (decoder) result.decoder = decoder_options(result.decoder, *decoder, "decoder.", vocabulary);
  options = std::move(result);
}

void set_options(StreamOptions& options, const std::string& json, const Vocabulary& vocabulary) {
  const Json root = parse_object(json);
  StreamOptions result = options;
  JsonObject object(root, "");
  object.read("latency_ms", result.latency_ms);
  object.read("sample_rate_hz", result.sample_rate_hz);
  object.read("start", result.start, {{"aligned", StreamStart::aligned}, {"nemo_pad", StreamStart::nemo_pad}});
  object.read("partial_results", result.partial_results);
  if (const Json* endpoint = object.find("endpoint")) result.endpoint = endpoint_options(result.endpoint, *endpoint);
  if (const Json* vad = object.find("vad")) result.vad = vad_options(result.vad, *vad);
  const Json* decoder = object.find("decoder");
  object.finish();
  if (decoder) result.decoder = decoder_options(result.decoder, *decoder, "decoder.", vocabulary);
  options = std::move(result);
}

void set_options(ConversationOptions& options, const std::string& json) {
  const Json root = parse_object(json);
  ConversationOptions result = options;
  JsonObject object(root, "");
  object.read("pause_s", result.pause_s);
  object.finish();
  options = result;
}

std::string option_json(const std::string& name, const std::string& value) {
  if (name.empty() || name.back() == '.') throw OptionError("'" + name + "' is no name of an option.");
  Json leaf = value;
  if (!value.empty() && (value.front() == '{' || value.front() == '[')) {
    try {
      leaf = Json::parse(value);
    } catch (const Json::exception& error) {
      throw OptionError("Option " + name + " starts as JSON does but is none: " + error.what());
    }
  }
  try {
    return nest(name, std::move(leaf)).dump();
  } catch (const Json::exception& error) {
    throw OptionError("Option " + name + " is not UTF-8: " + error.what());
  }
}

}  // namespace fastctc
