// The model of a session and what it asks of it. Sessions of one process that ask for the same share it.
#pragma once

#include <fastctc/configuration.h>
#include <fastctc/error.h>
#include <fastctc/options.h>
#include <fastctc/recognizer.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "SpeechToTextTypes.h"

namespace com {
namespace teracloud {
namespace streamsx {
namespace stt {

struct SpeechToTextModel {
  // Raises fastctc::Error: a model that can't be loaded, options that it can't serve.
  explicit SpeechToTextModel(const SpeechToTextOptions& options) : recognizer(load(options)) {
    if (options.n_channels < 1 || options.channel < -1 || options.max_alternatives < 1 || options.beam_size < 0) {
      throw fastctc::OptionError("channels and maxAlternatives must be 1 or more, channel and beamSize 0 or more.");
    }
    if (options.audio_format != AudioFormat::wav && options.channel >= options.n_channels) {
      throw fastctc::OptionError("channel " + std::to_string(options.channel) + " does not exist: there are " +
                                 std::to_string(options.n_channels) + ", counted from 0. Give the parameter channels.");
    }
    stream.latency_ms = options.latency_ms;
    stream.partial_results = options.result_mode == ResultMode::partial;
    if (options.endpoint_silence_ms >= 0) {
      stream.endpoint.silence_after_speech_s = options.endpoint_silence_ms / 1000.0;
    }
    set_decoder(options);
    long_form.decoder = stream.decoder;
    if (options.result_mode != ResultMode::complete) {
      if (recognizer->latencies_ms().empty()) {
        throw fastctc::ModelError(options.model_path +
                                  " has no cache-aware graph, which live results need: use resultMode: complete, or a "
                                  "directory with a streaming export.");
      }
      recognizer->streaming_model(options.latency_ms);  // opened now: a wrong latencyMs is an error of the start
    }
  }

  std::shared_ptr<const fastctc::Recognizer> recognizer;
  fastctc::StreamOptions stream;
  fastctc::LongFormOptions long_form;

 private:
  static std::shared_ptr<const fastctc::Recognizer> load(const SpeechToTextOptions& options) {
    static std::mutex mutex;
    static std::map<std::string, std::weak_ptr<const fastctc::Recognizer>> loaded;
    const std::string key = options.model_path + '\n' + options.tokens_path + '\n' + std::to_string(options.blank_id) +
                            '\n' + std::to_string(options.num_threads) + '\n' + options.provider;
    const std::lock_guard<std::mutex> lock(mutex);
    std::shared_ptr<const fastctc::Recognizer> recognizer = loaded[key].lock();
    if (!recognizer) {
      fastctc::LoadOptions load;
      load.model.tokens = within_model(options.model_path, options.tokens_path);
      load.model.blank_id = options.blank_id;
      load.session.intra_op_threads = options.num_threads;
      load.session.provider = options.provider;
      recognizer = std::make_shared<const fastctc::Recognizer>(
          fastctc::Recognizer::load(options.model_path, load.model, load.session));
      loaded[key] = recognizer;
    }
    return recognizer;
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

  void set_decoder(const SpeechToTextOptions& options) {
    fastctc::DecoderOptions& decoder = stream.decoder;
    const bool needs_beam =
        !options.language_model.empty() || !options.hot_words.empty() || options.max_alternatives > 1;
    if (options.beam_size > 0 || needs_beam) decoder.kind = fastctc::DecoderKind::beam;
    if (options.beam_size > 0) decoder.beam_size = options.beam_size;
    decoder.n_best = options.max_alternatives;
    if (options.beam_size == 0) decoder.beam_size = std::max(decoder.beam_size, decoder.n_best);
    if (!options.language_model.empty()) set_decoder_option("language_model", options.language_model);
    if (!options.hot_words.empty()) {
      std::string lines;
      for (const std::string& phrase : options.hot_words) lines += phrase + "\n";
      set_decoder_option("hot_words", lines);
    }
    fastctc::validate(decoder);
  }
  void set_decoder_option(const std::string& name, const std::string& value) {
    fastctc::set_options(stream.decoder, fastctc::option_json(name, value), recognizer->vocabulary());
  }
};

}  // namespace stt
}  // namespace streamsx
}  // namespace teracloud
}  // namespace com
