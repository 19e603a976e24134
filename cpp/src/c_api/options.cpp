#include <string>
#include <utility>

#include "c_api/guard.h"
#include "c_api/handles.h"
#include "fastctc/configuration.h"
#include "options/option_values.h"

namespace fastctc::c_api {
namespace {

constexpr std::size_t kKeptDecoders = 8;

Json root_of(const fastctc_options* options) { return options ? options->root : Json::object(); }

// Takes a field out of an object; null if there is none.
Json take(Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return nullptr;
  Json value = std::move(*found);
  object.erase(found);
  return value;
}

// The options of a decoder, read once for a recognizer.
DecoderOptions decoder_options(const fastctc_recognizer& recognizer, const Json& decoder) {
  DecoderOptions options;
  if (decoder.is_null()) return options;
  const std::string text = Json{{"decoder", decoder}}.dump();
  const std::lock_guard<std::mutex> lock(recognizer.mutex);
  for (const auto& [known, kept] : recognizer.decoders) {
    if (known == text) return kept;
  }
  LongFormOptions whole;  // so that messages say "decoder.beam_size"
  set_options(whole, text, recognizer.recognizer.vocabulary());
  recognizer.decoders.emplace_front(text, whole.decoder);
  if (recognizer.decoders.size() > kKeptDecoders) recognizer.decoders.pop_back();
  return whole.decoder;
}

template <class Options>
Options call_options(const fastctc_recognizer& recognizer, Json root) {
  const Json decoder = take(root, "decoder");
  Options options;
  set_options(options, root.dump(), recognizer.recognizer.vocabulary());
  options.decoder = decoder_options(recognizer, decoder);
  return options;
}

// null removes a name, as in set_options.
void merge(Json& into, const Json& from) { into.merge_patch(from); }

}  // namespace

LoadOptions load_options(const fastctc_options* options) {
  LoadOptions result;
  set_options(result, root_of(options).dump());
  return result;
}

LongFormOptions long_form_options(const fastctc_recognizer& recognizer, const fastctc_options* options) {
  return call_options<LongFormOptions>(recognizer, root_of(options));
}

std::pair<LongFormOptions, ConversationOptions> channel_options(const fastctc_recognizer& recognizer,
                                                                const fastctc_options* options) {
  Json root = root_of(options);
  ConversationOptions conversation;
  const Json given = take(root, "conversation");
  if (!given.is_null()) set_options(conversation, given.dump());
  return {call_options<LongFormOptions>(recognizer, std::move(root)), conversation};
}

StreamOptions stream_options(const fastctc_recognizer& recognizer, const fastctc_options* options) {
  return call_options<StreamOptions>(recognizer, root_of(options));
}

}  // namespace fastctc::c_api

using namespace fastctc::c_api;

fastctc_status fastctc_options_new(fastctc_options** options) {
  if (options) *options = nullptr;
  return guarded([&] {
    require(options, "options");
    *options = new fastctc_options;
  });
}

void fastctc_options_free(fastctc_options* options) { delete options; }

fastctc_status fastctc_options_set(fastctc_options* options, const char* name, const char* value) {
  return guarded([&] {
    fastctc_options& target = require(options, "options");
    const std::string json = fastctc::option_json(&require(name, "name"), &require(value, "value"));
    merge(target.root, fastctc::parse_object(json));
  });
}

fastctc_status fastctc_options_set_json(fastctc_options* options, const char* json) {
  return guarded([&] {
    fastctc_options& target = require(options, "options");
    merge(target.root, fastctc::parse_object(&require(json, "json")));
  });
}

const char* fastctc_options_json(fastctc_options* options) {
  return value_or<const char*>(nullptr, [&] {
    fastctc_options& source = require(options, "options");
    source.text = source.root.dump();
    return source.text.c_str();
  });
}
