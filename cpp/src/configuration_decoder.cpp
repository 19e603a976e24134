#include "configuration_decoder.h"

#include <memory>
#include <sstream>
#include <vector>

#include "fastctc/hot_words.h"
#include "fastctc/language_model.h"
#include "fastctc/lexicon.h"
#include "options/option_rows.h"

namespace fastctc {
namespace {

constexpr double kDefaultBonus = 5.0;  // as in Python: e^5, 150 times as likely

// "PHRASE" or "PHRASE:BONUS" a line.
std::vector<HotPhrase> phrases_of_lines(const std::string& name, const std::string& text) {
  std::vector<HotPhrase> phrases;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::size_t colon = line.rfind(':');
    if (colon == std::string::npos) {
      phrases.push_back({line, kDefaultBonus});
    } else {
      phrases.push_back({line.substr(0, colon), number_of(name + " (" + line + ")", line.substr(colon + 1), {})});
    }
  }
  return phrases;
}

std::vector<HotPhrase> phrases(const std::string& name, const Json& value) {
  if (value.is_string()) return phrases_of_lines(name, value.get<std::string>());
  std::vector<HotPhrase> list;
  if (value.is_array()) {
    for (const Json& phrase : value) {
      if (!phrase.is_string()) throw OptionError("Option " + name + " must be a list of strings.");
      list.push_back({phrase.get<std::string>(), kDefaultBonus});
    }
    return list;
  }
  if (!value.is_object()) {
    throw OptionError("Option " + name + " must be a list of phrases, or an object of phrases and their bonuses.");
  }
  for (const auto& [phrase, bonus] : value.items()) {
    if (!bonus.is_number()) throw OptionError("Option " + name + ": the bonus of '" + phrase + "' must be a number.");
    list.push_back({phrase, bonus.get<double>()});
  }
  return list;
}

std::shared_ptr<const Lexicon> lexicon(const Json& value, const Vocabulary& vocabulary) {
  if (value.is_string()) return Lexicon::read(value.get<std::string>(), vocabulary);
  struct Entry {
    std::string path;
    std::string word_end;
    OutOfLexicon out_of_lexicon = OutOfLexicon::forbid;
  };
  static const OptionTable<Entry> table = {
      option_rows::text("path", &Entry::path, "The file."),
      option_rows::text("word_end", &Entry::word_end, "A piece that ends every spelling."),
      option_rows::choice("out_of_lexicon", &Entry::out_of_lexicon, {"forbid", "allow"},
                          "What becomes of other words."),
  };
  Entry entry;
  read_fields(entry, value, "decoder.lexicon.", table);
  if (entry.path.empty()) throw OptionError("Option decoder.lexicon.path is missing: the file of the lexicon.");
  return Lexicon::read(entry.path, vocabulary, entry.word_end, entry.out_of_lexicon);
}

}  // namespace

void read_decoder_files(DecoderOptions& options, const Json& json, const Vocabulary& vocabulary) {
  validate(options);  // before files are read
  const auto find = [&](const char* name) {
    const auto found = json.find(name);
    return found == json.end() || found->is_null() ? nullptr : &*found;
  };
  if (const Json* path = find("language_model")) {
    const std::string file = text_of("decoder.language_model", *path);
    if (!file.empty()) options.language_model = LanguageModel::read(file);
  }
  if (const Json* words = find("lexicon")) options.lexicon = lexicon(*words, vocabulary);
  if (const Json* hot_words = find("hot_words")) {
    const std::vector<HotPhrase> list = phrases("decoder.hot_words", *hot_words);
    options.hot_words =
        list.empty() ? nullptr : std::make_shared<const HotWords>(vocabulary, list, true, options.lexicon.get());
  }
}

}  // namespace fastctc
