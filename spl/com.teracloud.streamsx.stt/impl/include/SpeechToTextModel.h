// The model of a session and what it asks of it.
#pragma once

#include <fastctc/configuration.h>
#include <fastctc/error.h>
#include <fastctc/lexicon.h>
#include <fastctc/options.h>
#include <fastctc/recognizer.h>
#include <fastctc/stream.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "SpeechToTextTypes.h"

namespace speech_to_text {

struct SpeechToTextModel {
  // Raises fastctc::Error: a model that can't be loaded, options that it can't serve. Messages name the operator's
  // parameters.
  explicit SpeechToTextModel(const SpeechToTextOptions& options) : recognizer(load(options)) {
    set_decoder(options);
    long_form.decoder = stream.decoder;
    if (options.result_mode != ResultMode::complete) open_pool(options);
  }

  const fastctc::Recognizer recognizer;
  fastctc::StreamOptions stream;
  fastctc::LongFormOptions long_form;
  std::unique_ptr<fastctc::StreamPool> pool;  // of the session's live channels; null: ResultMode::complete

 private:
  // What `step` returns. Raises what it does, of the same class; the message says that it is about the parameter.
  template <class Step>
  static auto of_parameter(const std::string& name, const Step& step) -> decltype(step()) {
    try {
      return step();
    } catch (const fastctc::OptionError& error) {
      throw fastctc::OptionError(about(name, error.what()));
    } catch (const fastctc::ModelNotFoundError& error) {
      throw fastctc::ModelNotFoundError(about(name, error.what()));
    } catch (const fastctc::ModelError& error) {
      throw fastctc::ModelError(about(name, error.what()));
    } catch (const fastctc::EngineNotFoundError&) {
      throw;  // no parameter's
    } catch (const fastctc::Error& error) {
      throw fastctc::Error(about(name, error.what()));
    }
  }
  // fastctc names its own options, an application knows parameters.
  static std::string about(const std::string& name, std::string message) {
    const std::pair<const char*, const char*> options[] = {{"blank_id", "blankId"},
                                                           {"tokens", "tokensPath"},
                                                           {"session.intra_op_threads", "numThreads"},
                                                           {"session.provider", "provider"},
                                                           {"latency_ms", "latencyMs"},
                                                           {"decoder.beam_size", "beamSize"},
                                                           {"decoder.n_best", "maxAlternatives"},
                                                           {"decoder.hot_words", "hotWords"},
                                                           {"decoder.language_model", "languageModel"},
                                                           {"word_end", "wordEnd"}};
    for (const auto& option : options) {
      const std::string start = std::string("Option ") + option.first;
      if (message.compare(0, start.size(), start) == 0) {
        return std::string("Parameter ") + option.second + message.substr(start.size());
      }
    }
    return "Parameter " + name + ": " + message;
  }

  static void at_least(const std::string& name, double value, double lowest) {
    if (value >= lowest) return;
    throw fastctc::OptionError("Parameter " + name + ": it is " + number(value) + ", but must be " + number(lowest) +
                               " or more.");
  }
  static void below_one(const std::string& name, double value) {
    if (value >= 0 && value < 1) return;
    throw fastctc::OptionError("Parameter " + name + ": it is " + number(value) +
                               ", but must be 0 or more, less than 1.");
  }
  static std::string number(double value) {
    std::ostringstream text;
    text << value;
    return text.str();
  }
  static void check(const SpeechToTextOptions& options) {
    at_least("sampleRate", options.sample_rate_hz, 0);
    at_least("channels", options.n_channels, 0);
    at_least("channel", options.channel, -1);
    at_least("maxAlternatives", options.max_alternatives, 1);
    at_least("beamSize", options.beam_size, 0);
    if (!options.word_end.empty() && options.lexicon.empty()) {
      throw fastctc::OptionError("Parameter wordEnd: it ends the words of a lexicon. Give the parameter lexicon too.");
    }
    at_least("conversationTimeout", options.conversation_timeout_s, 0);
    at_least("maxConversations", options.max_conversations, 1);
    below_one("wordAlternativesThreshold", options.word_alternatives_threshold);
    below_one("keywordsSpottingThreshold", options.keywords_threshold);
    if (options.n_channels > 0 && options.audio_format != AudioFormat::wav && options.channel >= options.n_channels) {
      throw fastctc::OptionError("Parameter channel: channel " + std::to_string(options.channel) +
                                 " does not exist, since the parameter channels is " +
                                 std::to_string(options.n_channels) + " and counting starts at 0.");
    }
  }

  static fastctc::Recognizer load(const SpeechToTextOptions& options) {
    check(options);
    fastctc::LoadOptions load;
    load.model.tokens = within_model(options.model_path, options.tokens_path);
    load.model.blank_id = options.blank_id;
    load.session.intra_op_threads = options.num_threads;
    load.session.provider = options.provider;
    return of_parameter("modelPath",
                        [&] { return fastctc::Recognizer::load(options.model_path, load.model, load.session); });
  }

  // fastctc names files by their place in the model's directory, an application by their path.
  static std::string within_model(const std::string& model_path, const std::string& path) {
    const std::string suffix = ".onnx";
    std::string folder = model_path;
    const bool is_file =
        folder.size() > suffix.size() && folder.compare(folder.size() - suffix.size(), suffix.size(), suffix) == 0;
    if (is_file) folder.erase(folder.find_last_of('/') == std::string::npos ? 0 : folder.find_last_of('/'));
    while (!folder.empty() && folder.back() == '/') folder.pop_back();
    folder += '/';
    return path.compare(0, folder.size(), folder) == 0 ? path.substr(folder.size()) : path;
  }

  void open_pool(const SpeechToTextOptions& options) {
    stream.latency_ms = options.latency_ms;
    stream.partial_results = options.result_mode == ResultMode::partial;
    if (options.endpoint_silence_ms >= 0) {
      stream.endpoint.silence_after_speech_s = options.endpoint_silence_ms / 1000.0;
    }
    if (recognizer.latencies_ms().empty()) {
      throw fastctc::ModelError("Parameter modelPath: " + options.model_path +
                                " has no cache-aware graph, which live results need. Use resultMode: complete, or a "
                                "directory with a streaming export.");
    }
    of_parameter("latencyMs", [&] { recognizer.streaming_model(options.latency_ms); });
    pool.reset(new fastctc::StreamPool(recognizer, stream));
  }

  void set_decoder(const SpeechToTextOptions& options) {
    fastctc::DecoderOptions& decoder = stream.decoder;
    // Enough readings that a word's rivals are among them.
    const int n_readings =
        options.word_alternatives ? std::max(options.max_alternatives, 10) : options.max_alternatives;
    std::string hot_words;  // an empty one is none: what a submission-time value may be
    for (const std::string& phrase : options.hot_words) {
      if (!phrase.empty()) hot_words += phrase + "\n";
    }
    const bool needs_beam =
        !options.language_model.empty() || !options.lexicon.empty() || !hot_words.empty() || n_readings > 1;
    if (options.beam_size > 0 || needs_beam) decoder.kind = fastctc::DecoderKind::beam;
    if (options.beam_size > 0) decoder.beam_size = options.beam_size;
    decoder.n_best = n_readings;
    if (options.beam_size == 0) decoder.beam_size = std::max(decoder.beam_size, decoder.n_best);
    if (options.word_alternatives) decoder.n_best = std::min(decoder.n_best, decoder.beam_size);
    if (!options.language_model.empty()) {
      of_parameter("languageModel", [&] { set_decoder_option("language_model", options.language_model); });
    }
    if (!options.lexicon.empty()) {
      of_parameter("lexicon", [&] {
        decoder.lexicon = fastctc::Lexicon::read(options.lexicon, recognizer.vocabulary(), options.word_end);
      });
    }
    if (!hot_words.empty()) of_parameter("hotWords", [&] { set_decoder_option("hot_words", hot_words); });
    of_parameter("beamSize, maxAlternatives", [&] { fastctc::validate(decoder); });
  }
  void set_decoder_option(const std::string& name, const std::string& value) {
    fastctc::set_options(stream.decoder, fastctc::option_json(name, value), recognizer.vocabulary());
  }
};

}  // namespace speech_to_text
