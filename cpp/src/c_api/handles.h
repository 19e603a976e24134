// What the handles of c_api.h are.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "fastctc/c_api.h"
#include "fastctc/configuration.h"
#include "fastctc/long_form.h"
#include "fastctc/options.h"
#include "fastctc/recognizer.h"
#include "fastctc/sample_reader.h"
#include "fastctc/stream.h"
#include "fastctc/types.h"

struct fastctc_options {
  nlohmann::json root = nlohmann::json::object();
  std::string text;  // of fastctc_options_json
};

struct fastctc_recognizer {
  fastctc::Recognizer recognizer;
  // Decoders of recent calls, so that a language model is not read again for each call.
  mutable std::mutex mutex;
  mutable std::deque<std::pair<std::string, fastctc::DecoderOptions>> decoders;
};

struct fastctc_audio {
  fastctc::Recording recording;
  std::vector<float> mean;  // of several channels
};

struct fastctc_transcript {
  fastctc::Transcript value;
};

struct fastctc_conversation {
  fastctc::Conversation value;  // its transcripts are below
  std::vector<fastctc_transcript> channels;
};

struct fastctc_long_form {
  fastctc::LongForm long_form;
  bool finished = false;
};

struct fastctc_result {
  fastctc::StreamResult value;  // its transcript is below
  fastctc_transcript transcript;
};

struct fastctc_stream {
  explicit fastctc_stream(fastctc::Stream opened) : stream(std::move(opened)) {}

  fastctc::Stream stream;
  std::atomic<bool> finished{false};
  std::mutex mutex;  // of `pending`
  std::deque<fastctc::StreamResult> pending;
};

struct fastctc_pool {
  fastctc::StreamPool pool;
};

namespace fastctc::c_api {

LoadOptions load_options(const fastctc_options* options);
LongFormOptions long_form_options(const fastctc_recognizer& recognizer, const fastctc_options* options);
// The same, and what stands under "conversation".
std::pair<LongFormOptions, ConversationOptions> channel_options(const fastctc_recognizer& recognizer,
                                                                const fastctc_options* options);
StreamOptions stream_options(const fastctc_recognizer& recognizer, const fastctc_options* options);

std::vector<float> samples_of(const fastctc_int16* samples, std::size_t n_samples);
void copy(const Word& from, fastctc_word* to);
void copy(const Token& from, fastctc_token* to);

}  // namespace fastctc::c_api
