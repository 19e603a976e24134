#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fastctc/c_api.h"
#include "fastctc/version.h"
#include "onnxruntime_library.h"

namespace {

constexpr const char* kText = "two nine three four zero";
const std::string kModel = std::string(FASTCTC_MODELS) + "/digits";
const std::string kRecording = kModel + "/two-nine-three-four-zero.wav";
const std::string kCall = std::string(FASTCTC_TEST_DATA) + "/speech/call-two-channels.wav";

template <class T>
struct Handle {
  using Free = void (*)(T*);
  explicit Handle(Free function) : free(function) {}
  ~Handle() { free(pointer); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator T*() const { return pointer; }
  T** operator&() { return &pointer; }
  T* pointer = nullptr;
  Free free;
};

struct Options : Handle<fastctc_options> {
  Options() : Handle(fastctc_options_free) { REQUIRE(fastctc_options_new(&pointer) == FASTCTC_OK); }
  explicit Options(const char* json) : Options() { REQUIRE(fastctc_options_set_json(pointer, json) == FASTCTC_OK); }
};

struct Demo {
  Demo() : recognizer(fastctc_recognizer_free), audio(fastctc_audio_free) {
    REQUIRE(fastctc_recognizer_load(kModel.c_str(), nullptr, &recognizer) == FASTCTC_OK);
    REQUIRE(fastctc_audio_read_wav(kRecording.c_str(), &audio) == FASTCTC_OK);
    samples = fastctc_audio_samples(audio, -1);
    n_samples = fastctc_audio_n_samples(audio);
    rate_hz = fastctc_audio_sample_rate_hz(audio);
  }
  Handle<fastctc_recognizer> recognizer;
  Handle<fastctc_audio> audio;
  const float* samples = nullptr;
  std::size_t n_samples = 0;
  int rate_hz = 0;
};

// Texts of all final results, joined.
std::string drain(fastctc_stream* stream) {
  std::string text;
  while (true) {
    Handle<fastctc_result> result(fastctc_result_free);
    REQUIRE(fastctc_stream_next(stream, &result) == FASTCTC_OK);
    if (!result) return text;
    CHECK(fastctc_result_end_s(result) >= fastctc_result_start_s(result));
    const std::string part = fastctc_transcript_text(fastctc_result_transcript(result));
    if (fastctc_result_is_final(result) == 1) {
      CHECK(fastctc_result_cause(result) != FASTCTC_CAUSE_NONE);
      if (!part.empty()) text += (text.empty() ? "" : " ") + part;
    }
  }
}

bool says(const char* part) { return std::string(fastctc_last_error()).find(part) != std::string::npos; }

}  // namespace

TEST_CASE("C: versions and names") {
  CHECK(std::string(fastctc_version()) == FASTCTC_VERSION);
  CHECK(fastctc_c_api_version() == FASTCTC_C_API_VERSION);
  CHECK(std::string(fastctc_status_name(FASTCTC_ERROR_ENGINE_NOT_FOUND)) == "FASTCTC_ERROR_ENGINE_NOT_FOUND");
  CHECK(std::string(fastctc_status_name(-1)).empty());
  CHECK(std::string(fastctc_status_name(1000)).empty());
}

TEST_CASE("C: options") {
  const Options options;
  CHECK(fastctc_options_set(options, "decoder.kind", "beam") == FASTCTC_OK);
  CHECK(fastctc_options_set_json(options, R"({"decoder": {"beam_size": 4}, "vad": {"kind": "energy"}})") == FASTCTC_OK);
  CHECK(fastctc_options_set_json(options, R"({"vad": null})") == FASTCTC_OK);
  CHECK(std::string(fastctc_options_json(options)) == R"({"decoder":{"beam_size":4,"kind":"beam"}})");
  CHECK(fastctc_options_set(options, "nothing.at.all", "1") == FASTCTC_ERROR_OPTION);
  CHECK(says("nothing"));
  CHECK(fastctc_options_set_json(options, "nonsense") == FASTCTC_ERROR_OPTION);
  CHECK(fastctc_options_set(options, nullptr, "1") == FASTCTC_ERROR_ARGUMENT);
}

TEST_CASE("C: a recording, a batch, a long recording and a call") {
  if (!onnxruntime_is_there()) return;
  const Demo demo;
  CHECK(fastctc_recognizer_sample_rate_hz(demo.recognizer) == 16000);
  CHECK(fastctc_recognizer_n_tokens(demo.recognizer) == 53);
  CHECK(std::string(fastctc_recognizer_piece(demo.recognizer, 52)) == "<blk>");
  CHECK(fastctc_recognizer_piece(demo.recognizer, 53) == nullptr);
  CHECK(fastctc_recognizer_latency_ms(demo.recognizer, 1) == 80);
  CHECK(fastctc_recognizer_has_offline_graph(demo.recognizer) == 1);
  const char* name = nullptr;
  CHECK(fastctc_recognizer_property(demo.recognizer, 0, &name, nullptr, nullptr) == FASTCTC_OK);
  CHECK(name != nullptr);

  const Options beam(R"({"decoder": {"kind": "beam", "n_best": 3}, "vad": {"kind": "energy"}})");
  Handle<fastctc_transcript> transcript(fastctc_transcript_free);
  REQUIRE(fastctc_transcribe(demo.recognizer, demo.samples, demo.n_samples, demo.rate_hz, nullptr, &transcript) ==
          FASTCTC_OK);
  CHECK(std::string(fastctc_transcript_text(transcript)) == kText);
  CHECK(fastctc_transcript_n_words(transcript) == 5);
  CHECK(std::string(fastctc_transcript_method(transcript)) == "one_shot");
  fastctc_word word;
  REQUIRE(fastctc_transcript_word(transcript, 4, &word) == FASTCTC_OK);
  CHECK(std::string(word.text) == "zero");
  CHECK(fastctc_transcript_word(transcript, 5, &word) == FASTCTC_ERROR_ARGUMENT);
  CHECK(says("There is no word 5; there are 5"));
  fastctc_token token;
  REQUIRE(fastctc_transcript_token(transcript, 0, &token) == FASTCTC_OK);
  CHECK(token.piece == std::string(fastctc_recognizer_piece(demo.recognizer, static_cast<std::size_t>(token.id))));

  Handle<fastctc_transcript> aligned(fastctc_transcript_free);
  REQUIRE(fastctc_align(demo.recognizer, demo.samples, demo.n_samples, demo.rate_hz, kText, nullptr, &aligned) ==
          FASTCTC_OK);
  REQUIRE(fastctc_transcript_word(aligned, 4, &word) == FASTCTC_OK);
  CHECK(std::string(word.text) == "zero");
  CHECK(word.score < 0);
  fastctc_transcript* none = nullptr;
  CHECK(fastctc_align(demo.recognizer, demo.samples, demo.n_samples, 0, "%", nullptr, &none) ==
        FASTCTC_ERROR_ALIGNMENT);
  CHECK(none == nullptr);

  const float* batch[] = {demo.samples, demo.samples, nullptr};
  const std::size_t sizes[] = {demo.n_samples, demo.n_samples / 2, 0};
  fastctc_transcript* transcripts[3] = {};
  REQUIRE(fastctc_transcribe_batch(demo.recognizer, batch, sizes, 3, demo.rate_hz, beam, transcripts) == FASTCTC_OK);
  CHECK(std::string(fastctc_transcript_text(transcripts[0])) == kText);
  CHECK(fastctc_transcript_n_speech(transcripts[0]) > 0);
  CHECK(std::string(fastctc_transcript_text(transcripts[2])).empty());
  for (fastctc_transcript* one : transcripts) fastctc_transcript_free(one);

  const Options n_best(R"({"decoder": {"kind": "beam", "n_best": 3}})");
  Handle<fastctc_long_form> recording(fastctc_long_form_free);
  REQUIRE(fastctc_long_form_open(demo.recognizer, n_best, &recording) == FASTCTC_OK);
  for (std::size_t at = 0; at < demo.n_samples; at += 1000) {
    std::vector<fastctc_int16> piece;
    for (std::size_t i = at; i < std::min(at + 1000, demo.n_samples); ++i) {
      piece.push_back(static_cast<fastctc_int16>(std::lround(demo.samples[i] * 32768)));
    }
    REQUIRE(fastctc_long_form_push_int16(recording, piece.data(), piece.size(), demo.rate_hz) == FASTCTC_OK);
  }
  Handle<fastctc_transcript> whole(fastctc_transcript_free);
  REQUIRE(fastctc_long_form_finish(recording, &whole) == FASTCTC_OK);
  CHECK(std::string(fastctc_transcript_text(whole)) == kText);
  CHECK(fastctc_transcript_n_alternatives(whole) == 3);
  fastctc_alternative alternative;
  REQUIRE(fastctc_transcript_alternative(whole, 0, &alternative) == FASTCTC_OK);
  CHECK(std::string(alternative.text) == kText);
  CHECK(fastctc_transcript_alternative_word(whole, 0, 0, &word) == FASTCTC_OK);
  CHECK(fastctc_transcript_alternative(whole, 3, &alternative) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_long_form_push(recording, demo.samples, 10, 0) == FASTCTC_ERROR_STATE);
  fastctc_transcript* again = nullptr;
  CHECK(fastctc_long_form_finish(recording, &again) == FASTCTC_ERROR_STATE);
  CHECK(again == nullptr);

  Handle<fastctc_audio> call(fastctc_audio_free);
  REQUIRE(fastctc_audio_read_wav(kCall.c_str(), &call) == FASTCTC_OK);
  const float* channels[] = {fastctc_audio_samples(call, 0), fastctc_audio_samples(call, 1)};
  CHECK(fastctc_audio_samples(call, 2) == nullptr);
  CHECK(fastctc_audio_samples(call, -2) == nullptr);
  Handle<fastctc_conversation> conversation(fastctc_conversation_free);
  const Options pause(R"({"conversation": {"pause_s": 0.5}})");
  REQUIRE(fastctc_transcribe_channels(demo.recognizer, channels, 2, fastctc_audio_n_samples(call),
                                      fastctc_audio_sample_rate_hz(call), pause, &conversation) == FASTCTC_OK);
  REQUIRE(fastctc_conversation_n_segments(conversation) > 0);
  fastctc_segment segment;
  REQUIRE(fastctc_conversation_segment(conversation, 0, &segment) == FASTCTC_OK);
  CHECK(fastctc_conversation_segment_word(conversation, 0, segment.n_words - 1, &word) == FASTCTC_OK);
  CHECK(fastctc_conversation_n_channels(conversation) == 2);
  CHECK(fastctc_transcript_text(fastctc_conversation_channel(conversation, 1)) != nullptr);
  CHECK(fastctc_conversation_channel(conversation, 2) == nullptr);
}

TEST_CASE("C: streams and pools outlive their recognizer's handle") {
  if (!onnxruntime_is_there()) return;
  auto demo = std::make_unique<Demo>();
  const std::vector<float> samples(demo->samples, demo->samples + demo->n_samples);
  const Options options(R"({"latency_ms": 80})");
  Handle<fastctc_stream> stream(fastctc_stream_free);
  Handle<fastctc_pool> pool(fastctc_pool_free);
  REQUIRE(fastctc_stream_open(demo->recognizer, options, &stream) == FASTCTC_OK);
  REQUIRE(fastctc_pool_new(demo->recognizer, options, 0, &pool) == FASTCTC_OK);
  demo.reset();

  for (int round = 0; round < 2; ++round) {
    REQUIRE(fastctc_stream_push(stream, samples.data(), samples.size(), 16000) == FASTCTC_OK);
    CHECK(fastctc_stream_pushed_s(stream) > 1);
    CHECK(fastctc_stream_done(stream) == 0);
    REQUIRE(fastctc_stream_finish(stream) == FASTCTC_OK);
    CHECK(fastctc_stream_done(stream) == 1);
    CHECK(fastctc_stream_push(stream, samples.data(), 10, 0) == FASTCTC_ERROR_STATE);
    CHECK(drain(stream) == kText);
    CHECK(fastctc_stream_reset(stream) == FASTCTC_OK);
  }
  std::vector<float> bad = {std::numeric_limits<float>::quiet_NaN()};
  CHECK(fastctc_stream_push(stream, bad.data(), 1, 16000) == FASTCTC_ERROR_AUDIO);

  fastctc_stream* calls[3] = {};
  for (fastctc_stream*& call : calls) REQUIRE(fastctc_pool_open(pool, &call) == FASTCTC_OK);
  CHECK(fastctc_pool_n_streams(pool) == 3);
  std::thread feeder([&] {
    for (fastctc_stream* call : calls) {
      fastctc_stream_push(call, samples.data(), samples.size(), 16000);
      fastctc_stream_finish(call);
    }
  });
  const auto all_done = [&] {
    for (const fastctc_stream* call : calls) {
      if (fastctc_stream_done(call) != 1) return false;
    }
    return true;
  };
  while (!all_done()) {
    std::size_t n_streams = 0;
    if (fastctc_pool_wait(pool, 0.05) == 1) CHECK(fastctc_pool_step(pool, &n_streams) == FASTCTC_OK);
  }
  feeder.join();
  for (fastctc_stream* call : calls) {
    CHECK(drain(call) == kText);
    fastctc_stream_free(call);
  }
  CHECK(fastctc_pool_n_streams(pool) == 0);
}

TEST_CASE("C: classes of errors") {
  if (!onnxruntime_is_there()) return;
  fastctc_recognizer* recognizer = nullptr;
  CHECK(fastctc_recognizer_load("no such directory", nullptr, &recognizer) == FASTCTC_ERROR_MODEL_NOT_FOUND);
  CHECK(says("no such directory"));
  CHECK(recognizer == nullptr);
  const Options unknown(R"({"latency_ms": 80})");
  CHECK(fastctc_recognizer_load(kModel.c_str(), unknown, &recognizer) == FASTCTC_ERROR_OPTION);
  const Options tokens(R"({"tokens": "fastctc.json"})");
  CHECK(fastctc_recognizer_load(kModel.c_str(), tokens, &recognizer) == FASTCTC_ERROR_VOCABULARY);
  fastctc_audio* audio = nullptr;
  CHECK(fastctc_audio_read_wav("no such file", &audio) == FASTCTC_ERROR_AUDIO_NOT_FOUND);
  CHECK(fastctc_audio_read_wav((kModel + "/tokens.txt").c_str(), &audio) == FASTCTC_ERROR_AUDIO);
  const char* version = nullptr;
  CHECK(fastctc_open_engine(nullptr, &version) == FASTCTC_OK);
  CHECK(version != nullptr);
  CHECK(fastctc_open_engine("/another/library", &version) == FASTCTC_ERROR_OPTION);
  CHECK(version == nullptr);

  const Demo demo;
  const Options latency(R"({"latency_ms": 3})");
  fastctc_stream* stream = nullptr;
  CHECK(fastctc_stream_open(demo.recognizer, latency, &stream) == FASTCTC_ERROR_OPTION);
  CHECK(says("80"));
  fastctc_transcript* transcript = nullptr;
  CHECK(fastctc_transcribe(demo.recognizer, demo.samples, 10, -5, nullptr, &transcript) != FASTCTC_OK);
  const Options model(R"({"decoder": {"kind": "beam", "language_model": "none.arpa"}})");
  CHECK(fastctc_transcribe(demo.recognizer, demo.samples, demo.n_samples, 0, model, &transcript) ==
        FASTCTC_ERROR_MODEL_NOT_FOUND);
  // Errors are the thread's own.
  std::string elsewhere = "unset";
  std::thread([&] { elsewhere = fastctc_last_error(); }).join();
  CHECK(elsewhere.empty());
  CHECK(says("none.arpa"));
}

TEST_CASE("C: NULL is an error everywhere, and freeing it does nothing") {
  fastctc_options_free(nullptr);
  fastctc_recognizer_free(nullptr);
  fastctc_audio_free(nullptr);
  fastctc_transcript_free(nullptr);
  fastctc_conversation_free(nullptr);
  fastctc_long_form_free(nullptr);
  fastctc_stream_free(nullptr);
  fastctc_result_free(nullptr);
  fastctc_pool_free(nullptr);

  CHECK(fastctc_options_new(nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_options_set(nullptr, "a", "b") == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_options_set_json(nullptr, "{}") == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_options_json(nullptr) == nullptr);
  CHECK(fastctc_recognizer_load(nullptr, nullptr, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_recognizer_load(kModel.c_str(), nullptr, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_recognizer_sample_rate_hz(nullptr) == 0);
  CHECK(fastctc_recognizer_frame_s(nullptr) == 0);
  CHECK(fastctc_recognizer_n_tokens(nullptr) == 0);
  CHECK(fastctc_recognizer_blank_id(nullptr) == -1);
  CHECK(fastctc_recognizer_piece(nullptr, 0) == nullptr);
  CHECK(fastctc_recognizer_n_latencies(nullptr) == 0);
  CHECK(fastctc_recognizer_latency_ms(nullptr, 0) == -1);
  CHECK(fastctc_recognizer_has_offline_graph(nullptr) == -1);
  CHECK(fastctc_recognizer_n_properties(nullptr) == 0);
  CHECK(fastctc_recognizer_property(nullptr, 0, nullptr, nullptr, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_audio_read_wav(nullptr, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_audio_sample_rate_hz(nullptr) == 0);
  CHECK(fastctc_audio_n_channels(nullptr) == 0);
  CHECK(fastctc_audio_n_samples(nullptr) == 0);
  CHECK(fastctc_audio_samples(nullptr, 0) == nullptr);
  CHECK(fastctc_transcribe(nullptr, nullptr, 0, 0, nullptr, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_transcribe_int16(nullptr, nullptr, 1, 0, nullptr, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_transcribe_batch(nullptr, nullptr, nullptr, 0, 0, nullptr, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_align(nullptr, nullptr, 0, 0, nullptr, nullptr, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_transcribe_channels(nullptr, nullptr, 0, 0, 0, nullptr, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_transcript_text(nullptr) == nullptr);
  CHECK(fastctc_transcript_confidence(nullptr) == 0);
  CHECK(fastctc_transcript_duration_s(nullptr) == 0);
  CHECK(fastctc_transcript_method(nullptr) == nullptr);
  CHECK(fastctc_transcript_n_words(nullptr) == 0);
  CHECK(fastctc_transcript_word(nullptr, 0, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_transcript_n_tokens(nullptr) == 0);
  CHECK(fastctc_transcript_token(nullptr, 0, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_transcript_n_alternatives(nullptr) == 0);
  CHECK(fastctc_transcript_alternative(nullptr, 0, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_transcript_alternative_word(nullptr, 0, 0, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_transcript_n_speech(nullptr) == 0);
  CHECK(fastctc_transcript_speech(nullptr, 0, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_conversation_duration_s(nullptr) == 0);
  CHECK(fastctc_conversation_n_segments(nullptr) == 0);
  CHECK(fastctc_conversation_segment(nullptr, 0, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_conversation_segment_word(nullptr, 0, 0, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_conversation_n_channels(nullptr) == 0);
  CHECK(fastctc_conversation_channel(nullptr, 0) == nullptr);
  CHECK(fastctc_long_form_open(nullptr, nullptr, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_long_form_push(nullptr, nullptr, 0, 0) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_long_form_push_int16(nullptr, nullptr, 0, 0) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_long_form_finish(nullptr, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_long_form_done_s(nullptr) == 0);
  CHECK(fastctc_stream_open(nullptr, nullptr, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_stream_push(nullptr, nullptr, 0, 0) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_stream_push_int16(nullptr, nullptr, 0, 0) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_stream_finish(nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_stream_next(nullptr, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_stream_reset(nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_stream_done(nullptr) == -1);
  CHECK(fastctc_stream_pushed_s(nullptr) == 0);
  CHECK(fastctc_stream_decoded_s(nullptr) == 0);
  CHECK(fastctc_result_is_final(nullptr) == -1);
  CHECK(fastctc_result_cause(nullptr) == FASTCTC_CAUSE_NONE);
  CHECK(fastctc_result_segment(nullptr) == 0);
  CHECK(fastctc_result_start_s(nullptr) == 0);
  CHECK(fastctc_result_end_s(nullptr) == 0);
  CHECK(fastctc_result_n_stable_words(nullptr) == 0);
  CHECK(fastctc_result_transcript(nullptr) == nullptr);
  CHECK(fastctc_pool_new(nullptr, nullptr, 0, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_pool_open(nullptr, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_pool_step(nullptr, nullptr) == FASTCTC_ERROR_ARGUMENT);
  CHECK(fastctc_pool_wait(nullptr, 0) == -1);
  CHECK(fastctc_pool_n_streams(nullptr) == 0);
}

TEST_CASE("C: the library's messages") {
  std::vector<std::string> messages;
  const auto keep = [](int, const char* message, void* user_data) {
    static_cast<std::vector<std::string>*>(user_data)->emplace_back(message);
  };
  CHECK(fastctc_set_log_callback(keep, &messages) == FASTCTC_OK);
  CHECK(fastctc_set_log_callback(nullptr, nullptr) == FASTCTC_OK);
}
