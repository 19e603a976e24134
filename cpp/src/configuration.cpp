#include "fastctc/configuration.h"

#include <map>
#include <utility>

#include "configuration_decoder.h"
#include "options/option_table.h"

namespace fastctc {
namespace {

Json describe_all() {
  return {{"load", describe<ModelOptions>()},        {"session", describe<SessionOptions>()},
          {"frontend", describe<FrontendOptions>()}, {"recording", describe<LongFormOptions>()},
          {"stream", describe<StreamOptions>()},     {"conversation", describe<ConversationOptions>()}};
}

// What a name with a dot may start with, and whether names of ours follow.
void add_groups(const Json& rows, std::map<std::string, bool>& groups) {
  for (const Json& row : rows) {
    if (row["type"] == "group") add_groups(row["fields"], groups);
    if (row["type"] == "group" || row["type"] == "names and values") groups[row["name"]] = row["type"] == "group";
  }
}

const std::map<std::string, bool>& groups() {
  static const std::map<std::string, bool> groups = [] {
    std::map<std::string, bool> result = {{"session", true}, {"conversation", true}};
    for (const Json& rows : describe_all()) add_groups(rows, result);
    return result;
  }();
  return groups;
}

// {"a": {"b": value}} of a.b. Names within names and values are not ours, and hold dots themselves.
Json nest(const std::string& name, Json value) {
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos || dot == 0) return Json{{name, std::move(value)}};
  const std::string first = name.substr(0, dot);
  const auto group = groups().find(first);
  if (group == groups().end()) {
    throw OptionError("There is no option '" + name + "': '" + first + "' is not a group of options.");
  }
  const std::string rest = name.substr(dot + 1);
  return Json{{first, group->second ? nest(rest, std::move(value)) : Json{{rest, std::move(value)}}}};
}

// The options of a recording or a stream; the files that its decoder names are read last.
template <class Options>
void set_with_decoder(Options& options, const std::string& json, const Vocabulary& vocabulary) {
  const Json root = parse_object(json);
  Options result = options;
  read_fields(result, root, "");
  const auto decoder = root.find("decoder");
  if (decoder != root.end()) read_decoder_files(result.decoder, *decoder, vocabulary);
  options = std::move(result);
}

}  // namespace

void set_options(LoadOptions& options, const std::string& json) {
  Json root = parse_object(json);
  LoadOptions result = options;
  const auto session = root.find("session");
  if (session != root.end()) {
    if (!session->is_null()) read_fields(result.session, *session, "session.");
    root.erase(session);
  }
  read_fields(result.model, root, "");
  options = std::move(result);
}

void set_options(DecoderOptions& options, const std::string& json, const Vocabulary& vocabulary) {
  const Json root = parse_object(json);
  DecoderOptions result = options;
  read_fields(result, root, "decoder.");
  read_decoder_files(result, root, vocabulary);
  options = std::move(result);
}

void set_options(LongFormOptions& options, const std::string& json, const Vocabulary& vocabulary) {
  set_with_decoder(options, json, vocabulary);
}

void set_options(StreamOptions& options, const std::string& json, const Vocabulary& vocabulary) {
  set_with_decoder(options, json, vocabulary);
}

void set_options(ConversationOptions& options, const std::string& json) {
  read_fields(options, parse_object(json), "conversation.");
}

std::string describe_options() { return describe_all().dump(); }

std::string option_json(const std::string& name, const std::string& value) {
  if (name.empty() || name.back() == '.') throw OptionError("'" + name + "' is not the name of an option.");
  Json leaf = value;
  if (!value.empty() && (value.front() == '{' || value.front() == '[')) {
    try {
      leaf = Json::parse(value);
    } catch (const Json::exception& error) {
      throw OptionError("Option " + name + " starts like JSON but is not valid JSON: " + error.what());
    }
  }
  try {
    return nest(name, std::move(leaf)).dump();
  } catch (const Json::exception& error) {
    throw OptionError("Option " + name + " is not UTF-8: " + error.what());
  }
}

}  // namespace fastctc
