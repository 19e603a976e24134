#include <doctest/doctest.h>

#include <string>

#include "fastctc/configuration.h"
#include "fastctc/error.h"
#include "fastctc/hot_words.h"
#include "fastctc/language_model.h"
#include "temporary_directory.h"

using namespace fastctc;

namespace {

const Vocabulary kVocabulary({"a", "b", " ", "<blk>"});

template <class Options>
std::string refusal(const std::string& json) {
  Options options;
  try {
    set_options(options, json, kVocabulary);
  } catch (const OptionError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("options from JSON") {
  LoadOptions load;
  set_options(load, R"({"normalize": "none", "frontend": {"n_mels": 64, "low_hz": 20.5, "use_log": true},
                        "blank_id": "3", "subsampling_causal": true, "tokens": null,
                        "session": {"intra_op_threads": 4, "memory_arena": "false",
                                    "config_entries": {"session.intra_op.allow_spinning": 1}}})");
  CHECK(load.model.normalize == "none");
  const std::vector<std::pair<std::string, std::string>> frontend = {
      {"low_hz", "20.5"}, {"n_mels", "64"}, {"use_log", "true"}};
  CHECK(load.model.frontend == frontend);
  CHECK(load.model.blank_id == 3);
  CHECK(load.model.subsampling_causal == 1);
  CHECK(load.model.tokens.empty());
  CHECK(load.session.intra_op_threads == 4);
  CHECK_FALSE(load.session.memory_arena);
  CHECK(load.session.config_entries.size() == 1);
  CHECK(load.session.config_entries[0].second == "1");

  StreamOptions stream;
  set_options(stream, R"({"latency_ms": 80, "partial_results": false, "start": "nemo_pad",
                          "endpoint": {"max_length_s": 0}, "vad": {"kind": "energy", "snr_db": 9},
                          "decoder": {"kind": "beam", "beam_size": 4, "n_best": 2,
                                      "confidence": {"measure": "tsallis", "alpha": 0.5}}})",
              kVocabulary);
  CHECK(stream.latency_ms == 80);
  CHECK_FALSE(stream.partial_results);
  CHECK(stream.start == StreamStart::nemo_pad);
  CHECK(stream.endpoint.max_length_s == 0);
  CHECK(stream.endpoint.silence_after_speech_s == EndpointOptions().silence_after_speech_s);
  CHECK(stream.vad.snr_db == 9);
  CHECK(stream.decoder.kind == DecoderKind::beam);
  CHECK(stream.decoder.n_best == 2);
  CHECK(stream.decoder.confidence.measure == ConfidenceMeasure::tsallis);

  LongFormOptions offline;
  set_options(offline, R"({"one_shot_max_s": 1e3, "vad": {"padding_s": 0.3}})", kVocabulary);
  set_options(offline, option_json("window_s", "12.5"), kVocabulary);  // the rest stays
  CHECK(offline.one_shot_max_s == 1000);
  CHECK(offline.window_s == 12.5);
  CHECK(offline.vad.padding_s == 0.3);
  ConversationOptions conversation;
  set_options(conversation, R"({"pause_s": 2})");
  CHECK(conversation.pause_s == 2);
}

TEST_CASE("a decoder's files and phrases") {
  const TemporaryDirectory directory;
  const std::string arpa =
      directory.write("one.arpa", "\\data\\\nngram 1=4\n\n\\1-grams:\n-1 <unk>\n-99 <s>\n-1 </s>\n-1 a\n\n\\end\\\n");
  const std::string lexicon = directory.write("words.txt", "ab a b\n");
  DecoderOptions options;
  options.kind = DecoderKind::beam;
  set_options(options, option_json("language_model", arpa), kVocabulary);
  REQUIRE(options.language_model);
  CHECK(options.language_model->n_words() == 4);
  for (const char* phrases : {R"(["ab", "a b"])", R"({"ab": 3, "a b": -1})", R"("ab\na b:2\n\n")"}) {
    set_options(options, std::string(R"({"hot_words": )") + phrases + "}", kVocabulary);
    REQUIRE(options.hot_words);
    CHECK(options.hot_words->n_phrases() == 2);
  }
  set_options(options, R"({"hot_words": []})", kVocabulary);
  CHECK_FALSE(options.hot_words);
  std::string both = option_json("lexicon", lexicon);  // of a lexicon phrases are its words
  both.insert(1, R"("hot_words":["a b"],)");
  CHECK_THROWS_WITH_AS(set_options(options, both, kVocabulary),
                       "The lexicon doesn't have these words of hot phrases: 'a', 'b'. Add them, or leave them out.",
                       OptionError);
  CHECK_FALSE(options.lexicon);
  set_options(options, option_json("lexicon", lexicon), kVocabulary);
  REQUIRE(options.lexicon);
  CHECK_THROWS_AS(set_options(options, R"({"hot_words": ["a b"]})", kVocabulary), OptionError);
  set_options(options, R"({"hot_words": ["AB"]})", kVocabulary);
  CHECK(options.hot_words->n_phrases() == 1);
  CHECK_THROWS_AS(set_options(options, R"({"language_model": "no such file"})", kVocabulary), ModelNotFoundError);
  CHECK_THROWS_AS(set_options(options, R"({"lexicon": {"word_end": "a"}})", kVocabulary), OptionError);
  CHECK_THROWS_AS(set_options(options, R"({"hot_words": {"ab": "much"}})", kVocabulary), OptionError);
  CHECK_THROWS_AS(set_options(options, R"({"hot_words": 1})", kVocabulary), OptionError);
}

TEST_CASE("dotted names") {
  CHECK(option_json("decoder.beam_size", "8") == R"({"decoder":{"beam_size":"8"}})");
  CHECK(option_json("session.config_entries.session.x.y", "0") ==
        R"({"session":{"config_entries":{"session.x.y":"0"}}})");
  CHECK(option_json("decoder.hot_words", R"(["a"])") == R"({"decoder":{"hot_words":["a"]}})");
  for (const char* name : {"", ".", "decoder.", "x.y", ".decoder"}) {
    try {
      StreamOptions options;
      set_options(options, option_json(name, "1"), kVocabulary);
      FAIL(name);
    } catch (const OptionError&) {
    }
  }
  CHECK_THROWS_AS(option_json("vad", "{"), OptionError);
  CHECK_THROWS_AS(option_json("vad", "\xff"), OptionError);
}

TEST_CASE("what is wrong is named") {
  CHECK(refusal<StreamOptions>(R"({"latency": 80})").find("latency_ms") != std::string::npos);
  CHECK(refusal<StreamOptions>(R"({"vad": {"kind": "loud"}})").find("vad.kind must be one of none, energy") !=
        std::string::npos);
  CHECK(refusal<StreamOptions>(R"({"latency_ms": 1.5})").find("integer") != std::string::npos);
  CHECK(refusal<StreamOptions>(R"({"latency_ms": 18446744073709551615})").find("integer") != std::string::npos);
  CHECK(refusal<StreamOptions>(R"({"endpoint": 3})").find("endpoint must be an object") != std::string::npos);
  CHECK(refusal<StreamOptions>(R"({"endpoint": {"max_length_s": "long"}})").find("endpoint.max_length_s") !=
        std::string::npos);
  CHECK(refusal<LongFormOptions>(R"({"decoder": {"beam": 3}})").find("decoder.beam") != std::string::npos);
  CHECK(refusal<LongFormOptions>(R"({"vad": {"threshold": true}})").find("must be a number from 0.01 to 1, not true") !=
        std::string::npos);
  CHECK(refusal<LongFormOptions>("[]").find("The options must be an object of fields, not []") != std::string::npos);
  CHECK(refusal<LongFormOptions>("{").find("not JSON") != std::string::npos);
  CHECK_FALSE(refusal<LongFormOptions>(std::string(100000, '[')).empty());
  CHECK_FALSE(refusal<LongFormOptions>("{\"\xff\": 1}").empty());

  StreamOptions options;  // all or nothing
  CHECK_THROWS_AS(set_options(options, R"({"latency_ms": 80, "x": 1})", kVocabulary), OptionError);
  CHECK(options.latency_ms == -1);
}
