#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <thread>

#include "fastctc/acoustic_model.h"
#include "fastctc/audio.h"
#include "fastctc/error.h"
#include "fastctc/frontend.h"
#include "fastctc/recognizer.h"
#include "onnxruntime_library.h"

using namespace fastctc;

namespace {

// 16-bit mono PCM behind the 44 bytes of a plain WAV header.
std::vector<float> read_wav(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  REQUIRE(stream.good());
  stream.ignore(44);
  const std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  std::vector<float> samples;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const auto low = static_cast<unsigned char>(bytes[i]);
    const auto high = static_cast<signed char>(bytes[i + 1]);
    samples.push_back(static_cast<float>(high * 256 + low) / 32768.0f);
  }
  return samples;
}

std::vector<float> recording(const char* name) { return read_wav(std::string(FASTCTC_TEST_DATA) + "/speech/" + name); }

AudioView view(const std::vector<float>& samples, int rate_hz = 16000) {
  return {samples.data(), samples.size(), rate_hz};
}

Recognizer demo() { return Recognizer::load(std::string(FASTCTC_MODELS) + "/digits"); }

}  // namespace

TEST_CASE("the demo model recognises a real recording") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  const std::vector<float> samples = recording("two-nine-three-four-zero.wav");
  const Transcript transcript = recognizer.transcribe(view(samples));
  CHECK(transcript.text == "two nine three four zero");
  CHECK(transcript.words.size() == 5);
  CHECK(transcript.words[1].text == "nine");
  CHECK(transcript.duration_s == doctest::Approx(static_cast<double>(samples.size()) / 16000));
  CHECK(recognizer.frame_s() == doctest::Approx(0.08));
  double last = 0;
  for (const Word& word : transcript.words) {
    CHECK(word.start_s >= last);
    CHECK(word.end_s > word.start_s);
    CHECK(word.end_s <= transcript.duration_s);
    last = word.end_s;
  }
}

TEST_CASE("the stages one by one give what transcribe gives") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  const std::vector<float> samples = recording("five-five.wav");
  const LogProbs log_probs = recognizer.log_probs(recognizer.features(view(samples)));
  const Transcript transcript = recognizer.decode({log_probs.values.data(), log_probs.n_frames, log_probs.n_tokens});
  CHECK(transcript.text == "five five");
  CHECK(transcript.text == recognizer.transcribe(view(samples)).text);
}

TEST_CASE("a batch changes nothing") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  const std::vector<float> a = recording("two-nine-three-four-zero.wav"), b = recording("five-five.wav"), none;
  const auto together = recognizer.transcribe({view(a), view(none), view(b)});
  REQUIRE(together.size() == 3);
  CHECK(together[0].text == "two nine three four zero");
  CHECK(together[1].text.empty());
  CHECK(together[2].text == "five five");
  CHECK(recognizer.transcribe(std::vector<AudioView>{}).empty());
}

TEST_CASE("audio at another rate is resampled") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  const std::vector<float> samples = recording("two-nine-three-four-zero.wav");
  const std::vector<float> telephone = resample(view(samples), 8000);
  CHECK(recognizer.transcribe(view(telephone, 8000)).text == "two nine three four zero");
}

TEST_CASE("a recogniser is shared between threads, and copies share it") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  const std::vector<float> samples = recording("five-five.wav");
  std::vector<std::string> texts(4);
  std::vector<std::thread> threads;
  for (std::string& text : texts) {
    threads.emplace_back([&text, recognizer, &samples] { text = recognizer.transcribe(view(samples)).text; });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : texts) CHECK(text == "five five");
}

TEST_CASE("bad input is named") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  std::vector<float> samples(16000, 0.1f);
  samples[77] = std::nanf("");
  CHECK_THROWS_WITH_AS(recognizer.transcribe(view(samples)), doctest::Contains("77"), AudioError);
  samples[77] = 0;
  CHECK_THROWS_AS(recognizer.transcribe(view(samples, -1)), Error);
  CHECK_THROWS_AS(recognizer.transcribe(view(samples, 10)), Error);
  const std::vector<float> long_audio(16000 * 81, 0.0f);
  const Features long_features = recognizer.features(view(long_audio));
  CHECK_THROWS_WITH_AS(recognizer.log_probs(long_features), doctest::Contains("1000"), AudioError);
  CHECK(recognizer.transcribe(view(long_audio)).text.empty());  // transcribe() takes any length
  CHECK_THROWS_AS(Recognizer::load("no/such/directory"), ModelNotFoundError);
  CHECK_THROWS_AS(Recognizer::load(""), ModelNotFoundError);
}

TEST_CASE("a known text is aligned where it was recognised; vad and a search are refused") {
  if (!onnxruntime_is_there()) return;
  const Recognizer recognizer = demo();
  const std::vector<float> samples = recording("two-nine-three-four-zero.wav");
  const Transcript found = recognizer.transcribe(view(samples));
  const Transcript aligned = recognizer.align(view(samples), "Two nine THREE four zero");
  CHECK(aligned.text == found.text);
  CHECK(aligned.method == "one_shot");
  REQUIRE(aligned.words.size() == found.words.size());
  for (std::size_t i = 0; i < found.words.size(); ++i) {
    CHECK(aligned.words[i].start_s == found.words[i].start_s);
    CHECK(aligned.words[i].end_s == found.words[i].end_s);
    CHECK(aligned.words[i].score < 0);
  }
  const Transcript wrong = recognizer.align(view(samples), "two nine three eight zero");
  CHECK(wrong.words[3].score < found.words[3].score - 1);

  CHECK_THROWS_WITH_AS(recognizer.align(view(samples), "two nine!"), doctest::Contains("'!', character 9"),
                       AlignmentError);
  LongFormOptions options;
  options.vad.kind = VadKind::energy;
  CHECK_THROWS_WITH_AS(recognizer.align(view(samples), "two", options), doctest::Contains("vad"), OptionError);
  options.vad.kind = VadKind::none;
  options.decoder.kind = DecoderKind::beam;
  CHECK_THROWS_WITH_AS(recognizer.align(view(samples), "two", options), doctest::Contains("kind"), OptionError);
}

TEST_CASE("recognisers of one directory share its graphs") {
  if (!onnxruntime_is_there()) return;
  const std::string path = std::string(FASTCTC_MODELS) + "/digits";
  const Recognizer held = Recognizer::load(path);
  const AcousticModel* model = &held.acoustic_model();
  std::atomic<int> n_shared{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { n_shared += &Recognizer::load(path + "/.").acoustic_model() == model; });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(n_shared == 4);
  CHECK(&Recognizer::load(path + "/offline.onnx").acoustic_model() != model);
}
