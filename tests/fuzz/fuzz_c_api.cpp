// Any sequence of calls of the C ABI, NULL for any parameter, any order: codes come back, nothing crashes or leaks.
// The model is small; FASTCTC_FUZZ_MODEL names its directory, FASTCTC_ONNXRUNTIME the engine.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "fastctc/c_api.h"

namespace {

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return at_ >= size_; }
  std::uint8_t next() { return empty() ? 0 : data_[at_++]; }
  std::string text(std::size_t n_bytes) {
    std::string result;
    while (result.size() < n_bytes && !empty()) result += static_cast<char>(next());
    return result;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

// Handles of one kind: any of them, or NULL.
template <class T>
struct Handles {
  void (*free)(T*);
  std::vector<T*> list = {};

  T* pick(std::uint8_t which) const { return list.empty() || which % 8 == 7 ? nullptr : list[which % list.size()]; }
  // handle: a reference, as the call that sets it may be evaluated after it.
  void keep(fastctc_status status, T* const& handle) {
    if ((status == FASTCTC_OK) != (handle != nullptr)) std::abort();
    add(handle);
  }
  void add(T* handle) {
    if (!handle) return;
    if (list.size() == 4) drop(0);
    list.push_back(handle);
  }
  void drop(std::uint8_t which) {
    if (list.empty()) return free(nullptr);
    const auto place = list.begin() + which % static_cast<std::ptrdiff_t>(list.size());
    free(*place);
    list.erase(place);
  }
  ~Handles() {
    for (T* handle : list) free(handle);
  }
};

const fastctc_recognizer* model() {
  static const fastctc_recognizer* recognizer = [] {
    const char* path = std::getenv("FASTCTC_FUZZ_MODEL");
    fastctc_recognizer* loaded = nullptr;
    if (!path || fastctc_recognizer_load(path, nullptr, &loaded) != FASTCTC_OK) std::abort();
    return loaded;
  }();
  return recognizer;
}

class Session {
 public:
  // Three of four inputs have no model, so that most are quick.
  explicit Session(Bytes& bytes) : bytes_(bytes), model_(bytes.next() % 4 == 0 ? model() : nullptr) {}

  void call() {
    const std::uint8_t what = bytes_.next();
    const std::uint8_t which = bytes_.next();
    if (what < 40) {
      options(what, which);
    } else if (what < 70) {
      offline(what, which);
    } else if (what < 160) {
      stream(what, which);
    } else if (what < 190) {
      pool(what, which);
    } else if (what < 210) {
      recognizer(which);
    } else {
      results(which);
    }
    if (!fastctc_last_error()) std::abort();
  }

 private:
  const fastctc_recognizer* any_model() { return bytes_.next() % 16 == 15 ? nullptr : model_; }

  void options(std::uint8_t what, std::uint8_t which) {
    static constexpr const char* kNames[] = {
        "latency_ms",          "decoder.kind",      "decoder.beam_size",     "vad.kind",
        "decoder.n_best",      "decoder.hot_words", "endpoint.max_length_s", "start",
        "conversation.pause_s"};
    static constexpr const char* kValues[] = {"0", "80", "beam", "energy", "3", "a", "1e9", "nemo_pad", "-1"};
    fastctc_options* one = options_.pick(which);
    if (what < 8) {
      fastctc_options* made = nullptr;
      options_.keep(fastctc_options_new(which % 8 == 7 ? nullptr : &made), made);
    } else if (what < 12) {
      options_.drop(which);
    } else if (what < 20) {
      fastctc_options_set(one, bytes_.text(bytes_.next() % 16).c_str(), bytes_.text(bytes_.next() % 16).c_str());
    } else if (what < 32) {
      fastctc_options_set(one, kNames[bytes_.next() % 9], kValues[bytes_.next() % 9]);
    } else if (what < 38) {
      fastctc_options_set_json(one, bytes_.text(bytes_.next() % 64).c_str());
    } else if (const char* json = fastctc_options_json(one)) {
      if (std::strlen(json) < 2) std::abort();
    }
  }

  // At most 2 s.
  std::vector<float> samples() {
    std::vector<float> result(static_cast<std::size_t>(bytes_.next()) * 125);
    const std::uint8_t seed = bytes_.next();
    std::uint32_t state = seed + 1u;
    for (float& sample : result) {
      state = state * 1664525u + 1013904223u;
      sample = static_cast<float>(static_cast<std::int32_t>(state)) / 4e9f;
    }
    if (!result.empty() && seed % 32 == 31) result.back() = std::numeric_limits<float>::quiet_NaN();
    return result;
  }

  int rate() {
    static constexpr int kRates[] = {0, 0, 16000, 8000, 44100, -1, 1, 2000000};
    return kRates[bytes_.next() % 8];
  }

  void offline(std::uint8_t what, std::uint8_t which) {
    const std::vector<float> audio = samples();
    const float* pointer = which % 16 == 15 ? nullptr : audio.data();
    const fastctc_options* given = options_.pick(bytes_.next());
    fastctc_transcript* transcript = nullptr;
    if (what < 46) {
      transcripts_.keep(fastctc_transcribe(any_model(), pointer, audio.size(), rate(), given, &transcript), transcript);
    } else if (what < 50) {
      const float* list[] = {pointer, audio.data()};
      const std::size_t sizes[] = {audio.size(), audio.size() / 2};
      fastctc_transcript* both[2] = {};
      const fastctc_status status = fastctc_transcribe_batch(any_model(), list, sizes, which % 3, rate(), given, both);
      for (fastctc_transcript* one : both) transcripts_.add(one);
      if (status != FASTCTC_OK && (both[0] || both[1])) std::abort();
    } else if (what == 50) {
      const std::string text = bytes_.text(which % 16);
      transcripts_.keep(fastctc_align(any_model(), pointer, audio.size(), rate(),
                                      which % 8 == 0 ? nullptr : text.c_str(), given, &transcript),
                        transcript);
    } else if (what < 54) {
      const float* list[] = {pointer, audio.data()};
      fastctc_conversation* conversation = nullptr;
      conversations_.keep(
          fastctc_transcribe_channels(any_model(), list, which % 3, audio.size(), rate(), given, &conversation),
          conversation);
    } else if (what < 58) {
      fastctc_long_form* recording = nullptr;
      recordings_.keep(fastctc_long_form_open(any_model(), given, &recording), recording);
    } else if (what < 64) {
      fastctc_long_form_push(recordings_.pick(which), pointer, audio.size(), rate());
    } else if (what < 67) {
      transcripts_.keep(fastctc_long_form_finish(recordings_.pick(which), &transcript), transcript);
    } else {
      fastctc_long_form_done_s(recordings_.pick(which));
      recordings_.drop(which);
    }
  }

  void stream(std::uint8_t what, std::uint8_t which) {
    fastctc_stream* one = streams_.pick(which);
    if (what < 76) {
      fastctc_stream* opened = nullptr;
      streams_.keep(fastctc_stream_open(any_model(), options_.pick(which), &opened), opened);
    } else if (what < 110) {
      const std::vector<float> audio = samples();
      fastctc_stream_push(one, which % 16 == 15 ? nullptr : audio.data(), audio.size(), rate());
    } else if (what < 114) {
      const std::vector<fastctc_int16> audio(bytes_.next() * 40u, static_cast<fastctc_int16>(which * 100));
      fastctc_stream_push_int16(one, audio.data(), audio.size(), rate());
    } else if (what < 124) {
      fastctc_stream_finish(one);
    } else if (what < 130) {
      fastctc_stream_reset(one);
    } else if (what < 134) {
      streams_.drop(which);
    } else if (what < 138) {
      fastctc_stream_done(one);
      fastctc_stream_pushed_s(one);
      fastctc_stream_decoded_s(one);
    } else {
      fastctc_result* result = nullptr;
      const fastctc_status status = fastctc_stream_next(one, &result);
      if (status != FASTCTC_OK && result) std::abort();
      results_.add(result);
    }
  }

  void pool(std::uint8_t what, std::uint8_t which) {
    fastctc_pool* one = pools_.pick(which);
    if (what < 165) {
      fastctc_pool* made = nullptr;
      pools_.keep(fastctc_pool_new(any_model(), options_.pick(which), which % 4, &made), made);
    } else if (what < 172) {
      fastctc_stream* opened = nullptr;
      streams_.keep(fastctc_pool_open(one, &opened), opened);
    } else if (what < 182) {
      std::size_t n_streams = 0;
      fastctc_pool_step(one, which % 2 == 0 ? &n_streams : nullptr);
    } else if (what < 186) {
      static const double kTimeouts[] = {0, -1, std::nan(""), 0.001};
      fastctc_pool_wait(one, kTimeouts[which % 4]);
    } else {
      fastctc_pool_n_streams(one);
      if (what == 189) pools_.drop(which);
    }
  }

  void recognizer(std::uint8_t which) {
    const fastctc_recognizer* one = any_model();
    const char* text = nullptr;
    fastctc_recognizer_property(one, which, &text, which % 2 == 0 ? &text : nullptr, nullptr);
    fastctc_recognizer_piece(one, which);
    fastctc_recognizer_latency_ms(one, which);
    fastctc_recognizer_n_tokens(one);
    fastctc_status_name(which - 3);
    fastctc_recognizer* loaded = nullptr;
    const std::string path = bytes_.text(which % 24);
    if (fastctc_recognizer_load(which % 4 == 0 ? nullptr : path.c_str(), options_.pick(which), &loaded) == FASTCTC_OK) {
      fastctc_recognizer_free(loaded);
    }
  }

  static void read(const fastctc_transcript* transcript, std::size_t index) {
    fastctc_word word;
    fastctc_token token;
    fastctc_alternative alternative;
    fastctc_speech speech;
    const char* text = fastctc_transcript_text(transcript);
    if ((text == nullptr) != (transcript == nullptr)) std::abort();
    const bool there = index < fastctc_transcript_n_words(transcript);
    if ((fastctc_transcript_word(transcript, index, &word) == FASTCTC_OK) != there) std::abort();
    if (there && (!word.text || !(word.start_s <= word.end_s))) std::abort();
    fastctc_transcript_token(transcript, index, index % 2 == 0 ? &token : nullptr);
    fastctc_transcript_alternative(transcript, index, &alternative);
    fastctc_transcript_alternative_word(transcript, index, index, &word);
    fastctc_transcript_alternative_token(transcript, index, index, &token);
    fastctc_transcript_speech(transcript, index, &speech);
    fastctc_transcript_confidence(transcript);
  }

  void results(std::uint8_t which) {
    const std::size_t index = bytes_.next() % 8;
    read(transcripts_.pick(which), index);
    const fastctc_result* result = results_.pick(which);
    read(fastctc_result_transcript(result), index);
    if (result && fastctc_result_end_s(result) < fastctc_result_start_s(result)) std::abort();
    fastctc_result_cause(result);
    const fastctc_conversation* conversation = conversations_.pick(which);
    read(fastctc_conversation_channel(conversation, index), index);
    fastctc_segment segment;
    fastctc_conversation_segment(conversation, index, &segment);
    if (which % 5 == 0) transcripts_.drop(which);
    if (which % 5 == 1) results_.drop(which);
    if (which % 5 == 2) conversations_.drop(which);
  }

  Bytes& bytes_;
  const fastctc_recognizer* model_;
  Handles<fastctc_options> options_{fastctc_options_free};
  Handles<fastctc_transcript> transcripts_{fastctc_transcript_free};
  Handles<fastctc_conversation> conversations_{fastctc_conversation_free};
  Handles<fastctc_long_form> recordings_{fastctc_long_form_free};
  Handles<fastctc_stream> streams_{fastctc_stream_free};
  Handles<fastctc_result> results_{fastctc_result_free};
  Handles<fastctc_pool> pools_{fastctc_pool_free};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  model();
  Bytes bytes(data, size);
  Session session(bytes);
  for (int n_calls = 0; n_calls < 40 && !bytes.empty(); ++n_calls) session.call();
  return 0;
}
