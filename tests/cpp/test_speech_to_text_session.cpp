// The recognition logic of the SPL operator, without Streams (spl/com.teracloud.streamsx.stt).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "SpeechToTextSession.h"
#include "onnxruntime_library.h"

using namespace com::teracloud::streamsx::stt;

namespace {

constexpr std::size_t kHeaderBytes = 44;
constexpr const char* kText = "two nine three four zero";

std::string wav(const std::string& name = "two-nine-three-four-zero") {
  std::ifstream file(std::string(FASTCTC_TEST_DATA) + "/speech/" + name + ".wav", std::ios::binary);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}
std::string pcm(const std::string& name = "two-nine-three-four-zero") { return wav(name).substr(kHeaderBytes); }

SpeechToTextOptions options(ResultMode mode = ResultMode::complete) {
  SpeechToTextOptions options;
  options.model_path = std::string(FASTCTC_MODELS) + "/digits";
  options.result_mode = mode;
  options.latency_ms = mode == ResultMode::complete ? -1 : 480;
  options.endpoint_silence_ms = 300;
  return options;
}

std::string number(double value) { return std::to_string(std::llround(value * 1000)); }

// A line an output: what downstream would see.
struct Log : SpeechToTextSink {
  void result(const SpeechToTextResult& result) override {
    results.push_back(result);
    std::string line = result.is_final ? "final" : "partial";
    line += " id=" + result.conversation_id + " channel=" + std::to_string(result.channel) +
            " number=" + std::to_string(result.utterance_number) + " " + number(result.start_s) + "-" +
            number(result.end_s) + " [" + result.text + "]" + (result.is_completed ? " completed" : "") +
            (result.error_message.empty() ? "" : " error");
    for (std::size_t i = 0; i < result.words.size(); ++i) {
      line += " " + number(result.word_start_s.at(i)) + "-" + number(result.word_end_s.at(i));
    }
    lines.push_back(line);
  }
  void conversation_end() override { lines.push_back("end"); }
  void error(const SpeechToTextError& error) override {
    errors.push_back(error);
    lines.push_back("error id=" + error.conversation_id);
  }
  // Words of one channel's final results.
  std::string text(int channel = 0) const {
    std::string text;
    for (const SpeechToTextResult& result : results) {
      if (!result.is_final || result.channel != channel || result.text.empty()) continue;
      text += (text.empty() ? "" : " ") + result.text;
    }
    return text;
  }
  std::ptrdiff_t n(const std::string& start) const {
    return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(start) == 0; });
  }

  std::vector<SpeechToTextResult> results;
  std::vector<SpeechToTextError> errors;
  std::vector<std::string> lines;
};

void push(SpeechToTextSession& session, const std::string& bytes, std::size_t n_piece) {
  for (std::size_t begin = 0; begin < bytes.size(); begin += n_piece) {
    session.push(bytes.data() + begin, std::min(n_piece, bytes.size() - begin));
  }
}

std::vector<std::string> run(const SpeechToTextOptions& options, const std::string& bytes, std::size_t n_piece) {
  Log log;
  SpeechToTextSession session(options, log);
  push(session, bytes, n_piece);
  session.end();
  return log.lines;
}

// The other direction of the standard's table: the code whose value is nearest.
std::string encode(const std::string& samples, fastctc::SampleEncoding encoding) {
  fastctc::SampleFormat format;
  format.encoding = encoding;
  fastctc::SampleReader reader(format);
  std::string codes;
  for (int code = 0; code < 256; ++code) codes.push_back(static_cast<char>(code));
  std::vector<float> table;
  reader.push(codes.data(), codes.size(), table);
  std::vector<std::pair<float, int>> sorted;
  for (int code = 0; code < 256; ++code) sorted.push_back({table[static_cast<std::size_t>(code)], code});
  std::sort(sorted.begin(), sorted.end());
  std::string encoded;
  for (std::size_t i = 0; i + 1 < samples.size(); i += 2) {
    const int value = static_cast<unsigned char>(samples[i]) + 256 * static_cast<signed char>(samples[i + 1]);
    auto found = std::lower_bound(sorted.begin(), sorted.end(), std::make_pair(static_cast<float>(value) / 32768, 0));
    if (found == sorted.end()) --found;
    encoded.push_back(static_cast<char>(found->second));
  }
  return encoded;
}

// Every call of a run as a step that can be repeated on any session.
using Step = std::function<void(SpeechToTextSession&)>;

std::vector<Step> tuples(const std::string& id, const std::string& bytes, std::size_t n_piece) {
  std::vector<Step> steps;
  for (std::size_t begin = 0; begin < bytes.size(); begin += n_piece) {
    const std::string piece = bytes.substr(begin, n_piece);
    steps.push_back([id, piece](SpeechToTextSession& session) {
      session.begin(id);
      session.push(piece.data(), piece.size());
    });
  }
  return steps;
}

void append(std::vector<Step>& all, const std::vector<Step>& more) { all.insert(all.end(), more.begin(), more.end()); }

// After each step a session ends, and another one goes on from its checkpoint: together they must give what one gives.
void check_replay(const SpeechToTextOptions& options, const std::vector<Step>& steps) {
  Log whole;
  SpeechToTextSession uninterrupted(options, whole);
  Log before;
  SpeechToTextSession first(options, before);
  Log resumed;
  SpeechToTextSession second(options, resumed);
  for (const Step& step : steps) step(uninterrupted);
  for (std::size_t n = 0; n < steps.size(); ++n) {
    const std::string checkpoint = first.save();
    resumed = before;
    second.restore(checkpoint);
    CHECK(resumed.lines == before.lines);  // the replay is silent
    CHECK(second.metrics().n_audio_bytes == first.metrics().n_audio_bytes);
    for (std::size_t rest = n; rest < steps.size(); ++rest) steps[rest](second);
    REQUIRE(resumed.lines == whole.lines);
    CHECK(second.metrics().n_utterances == uninterrupted.metrics().n_utterances);
    CHECK(second.metrics().n_conversations == uninterrupted.metrics().n_conversations);
    CHECK(second.metrics().n_errors == uninterrupted.metrics().n_errors);
    steps[n](first);
  }
}

}  // namespace

TEST_CASE("tuples of every size give the same results, in every mode") {
  if (!onnxruntime_is_there()) return;
  const std::string bytes = pcm();
  for (const ResultMode mode : {ResultMode::complete, ResultMode::utterance}) {
    const std::vector<std::string> expected = run(options(mode), bytes, bytes.size());
    CHECK(expected.back() == "end");
    CHECK(std::count(expected.begin(), expected.end(), "end") == 1);
    for (const std::size_t n_piece : {1, 333, 3200, 20001}) CHECK(run(options(mode), bytes, n_piece) == expected);
  }
  Log log;
  SpeechToTextSession session(options(ResultMode::complete), log);
  push(session, bytes, 777);
  CHECK(log.lines.empty());
  session.end();
  CHECK(log.text() == kText);
  CHECK(log.lines.size() == 2);
  CHECK(log.results.at(0).is_completed);
  CHECK(log.results.at(0).words.size() == 5);
  CHECK(log.results.at(0).confidence > 0.5);
  CHECK(session.metrics().n_audio_bytes == static_cast<std::int64_t>(bytes.size()));
  CHECK(session.metrics().n_conversations == 1);
  CHECK(session.metrics().n_utterances == 1);
  CHECK(session.metrics().real_time_factor_percent >= 0);
}

TEST_CASE("partial results come before their utterance, under its number") {
  if (!onnxruntime_is_there()) return;
  Log log;
  SpeechToTextSession session(options(ResultMode::partial), log);
  push(session, pcm() + std::string(32000, '\0') + pcm("five-five"), 3200);
  session.end();
  CHECK(log.text() == std::string(kText) + " five five");
  CHECK(log.n("partial") > 0);
  CHECK(log.n("final") >= 2);
  int number = 1;
  for (const SpeechToTextResult& result : log.results) {
    CHECK(result.utterance_number == number);
    number += result.is_final;
  }
  CHECK(log.results.back().is_completed);
  CHECK(log.n("end") == 1);
}

TEST_CASE("WAV headers are read, not heard; telephone codes are decoded") {
  if (!onnxruntime_is_there()) return;
  SpeechToTextOptions wav_options = options();
  wav_options.audio_format = AudioFormat::wav;
  const std::vector<std::string> expected = run(options(), pcm(), 1000);
  for (const std::size_t n_piece : {1, 13, 4096}) CHECK(run(wav_options, wav(), n_piece) == expected);
  for (const AudioFormat format : {AudioFormat::mulaw, AudioFormat::alaw}) {
    SpeechToTextOptions telephone = options();
    telephone.audio_format = format;
    const bool is_mulaw = format == AudioFormat::mulaw;
    Log log;
    SpeechToTextSession session(telephone, log);
    push(session, encode(pcm(), is_mulaw ? fastctc::SampleEncoding::mulaw : fastctc::SampleEncoding::alaw), 160);
    session.end();
    CHECK(log.text() == kText);
  }
}

TEST_CASE("each channel on its own, or one of them") {
  if (!onnxruntime_is_there()) return;
  SpeechToTextOptions all = options(ResultMode::utterance);
  all.n_channels = 2;
  all.reports_completion = true;
  Log log;
  SpeechToTextSession session(all, log);
  push(session, pcm("call-two-channels"), 1001);
  session.end();
  CHECK(!log.text(0).empty());
  CHECK(!log.text(1).empty());
  CHECK(log.text(0) != log.text(1));
  CHECK(std::count_if(log.results.begin(), log.results.end(),
                      [](const SpeechToTextResult& result) { return result.is_completed; }) == 1);
  for (const int channel : {0, 1}) {
    SpeechToTextOptions one = all;
    one.channel = channel;
    Log own;
    SpeechToTextSession single(one, own);
    push(single, pcm("call-two-channels"), 4000);
    single.end();
    CHECK(own.text(channel) == log.text(channel));
    CHECK(own.results.back().is_completed);
    CHECK(own.text(1 - channel).empty());
  }
  all.channel = 2;
  CHECK_THROWS_WITH_AS(SpeechToTextSession(all, log), doctest::Contains("channel 2 does not exist"),
                       fastctc::OptionError);
}

TEST_CASE("a conversation ends at a marker, an empty blob, another id; further markers are ignored") {
  if (!onnxruntime_is_there()) return;
  Log log;
  SpeechToTextSession session(options(), log);
  session.end();
  CHECK(log.lines.empty());
  session.begin("a");
  push(session, pcm("five-five"), 3200);
  session.end();
  session.end();
  session.push(nullptr, 0);
  CHECK(log.n("end") == 1);
  session.begin("b");
  push(session, pcm("five-five"), 3201);  // an odd byte stays behind
  session.push(nullptr, 0);
  session.begin("b");
  push(session, pcm(), 3200);
  session.begin("c");  // ends b
  CHECK(log.n("end") == 3);
  push(session, pcm("five-five"), 3200);
  session.begin("d");
  session.push(nullptr, 0);  // d never opens
  session.end();
  CHECK(log.n("end") == 4);
  CHECK(log.n("final") == 4);
  const char* ids[] = {"a", "b", "b", "c"};
  const std::string texts[] = {"five five", "five five", kText, "five five"};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(log.results.at(i).conversation_id == ids[i]);
    CHECK(log.results.at(i).text == texts[i]);
    CHECK(log.results.at(i).is_completed);
  }
  CHECK(session.metrics().n_conversations == 4);
}

TEST_CASE("bad audio: the stream goes on with the next conversation, or the error leaves the session") {
  if (!onnxruntime_is_there()) return;
  SpeechToTextOptions skip = options(ResultMode::utterance);
  skip.audio_format = AudioFormat::wav;
  skip.error_policy = ErrorPolicy::skip;
  skip.reports_completion = true;
  Log log;
  SpeechToTextSession session(skip, log);
  const std::string garbage(5000, 'x');
  for (const std::string& bytes : {wav("five-five"), garbage, wav()}) {
    session.begin(std::to_string(log.n("end")));
    push(session, bytes, 501);
    session.end();
  }
  CHECK(log.n("end") == 3);
  REQUIRE(log.errors.size() == 1);
  CHECK(log.errors[0].conversation_id == "1");
  CHECK(!log.errors[0].message.empty());
  CHECK(session.metrics().n_errors == 1);
  CHECK(session.metrics().n_conversations == 3);
  CHECK(log.n("final id=1 channel=0 number=0 0-0 [] completed error") == 1);
  CHECK(log.text() == std::string("five five ") + kText);

  // A header that never becomes whole is found at the end; what a cut recording has is given.
  push(session, wav().substr(0, 20), 7);
  session.end();
  CHECK(session.metrics().n_errors == 2);
  push(session, wav().substr(0, 60001), 4096);
  session.end();
  CHECK(session.metrics().n_errors == 2);
  CHECK(log.n("end") == 5);

  SpeechToTextOptions fail = skip;
  fail.error_policy = ErrorPolicy::fail;
  Log failed;
  SpeechToTextSession strict(fail, failed);
  CHECK_THROWS_AS(push(strict, garbage, 501), std::runtime_error);
  CHECK(failed.lines == std::vector<std::string>{"error id="});
  CHECK(!strict.is_open());
  push(strict, wav(), 501);  // it is usable again
  strict.end();
  CHECK(failed.text() == kText);
}

TEST_CASE("files: each with its header, several in one conversation") {
  if (!onnxruntime_is_there()) return;
  SpeechToTextOptions skip = options();
  skip.audio_format = AudioFormat::wav;
  skip.error_policy = ErrorPolicy::skip;
  const std::string folder = std::string(FASTCTC_TEST_DATA) + "/speech/";
  Log log;
  SpeechToTextSession session(skip, log);
  session.begin("a");
  session.push_file(folder + "two-nine-three-four-zero.wav");
  session.begin("a");
  session.push_file(folder + "five-five.wav");
  session.begin("b");
  session.push_file(folder + "none.wav");
  session.begin("c");
  session.push_file(folder + "five-five.wav");
  session.push_file(folder + "call-two-channels.wav");  // not of the same format
  session.end();
  CHECK(log.results.at(0).text == std::string(kText) + " five five");
  CHECK(log.errors.size() == 2);
  CHECK(log.errors.at(0).message.find("none.wav") != std::string::npos);
  CHECK(log.results.back().text == "five five");
  CHECK(!log.results.back().error_message.empty());
  CHECK(log.n("end") == 3);
}

TEST_CASE("a checkpoint after any tuple, then replay: every result once") {
  if (!onnxruntime_is_there()) return;
  const std::string long_pause(32000, '\0');
  std::vector<Step> steps;
  append(steps, tuples("a", pcm("five-five") + long_pause + pcm() + long_pause + pcm("five-five"), 16001));
  append(steps, tuples("b", pcm("five-five"), 16001));
  steps.push_back([](SpeechToTextSession& session) { session.end(); });
  steps.push_back([](SpeechToTextSession& session) { session.end(); });
  append(steps, tuples("b", pcm(), 20000));
  steps.push_back([](SpeechToTextSession& session) { session.push(nullptr, 0); });
  SpeechToTextOptions kept = options(ResultMode::utterance);
  kept.keeps_audio = true;
  kept.reports_completion = true;
  SUBCASE("utterances, all audio of the conversation kept") { check_replay(kept, steps); }
  SUBCASE("utterances, only the audio since the last final result kept") {
    kept.keeps_audio_s = 0;
    check_replay(kept, steps);
  }
  SUBCASE("partial results") {
    kept.result_mode = ResultMode::partial;
    check_replay(kept, steps);
  }
  SUBCASE("whole conversations") {
    kept.result_mode = ResultMode::complete;
    check_replay(kept, steps);
  }
}

TEST_CASE("a checkpoint within a WAV header, an odd sample, a skipped conversation, two channels") {
  if (!onnxruntime_is_there()) return;
  SpeechToTextOptions kept = options(ResultMode::utterance);
  kept.keeps_audio = true;
  kept.audio_format = AudioFormat::wav;
  kept.error_policy = ErrorPolicy::skip;
  std::vector<Step> steps = tuples("head", wav("five-five").substr(0, 60), 7);
  append(steps, tuples("head", wav("five-five").substr(60), 16001));
  append(steps, tuples("bad", std::string(3000, 'x'), 1000));
  append(steps, tuples("call", wav("call-two-channels"), 40003));
  steps.push_back([](SpeechToTextSession& session) { session.end(); });
  check_replay(kept, steps);
}

TEST_CASE("only the audio since the last final result: what is saved stays small") {
  if (!onnxruntime_is_there()) return;
  SpeechToTextOptions kept = options(ResultMode::utterance);
  kept.keeps_audio = true;
  const std::string bytes = pcm() + std::string(48000, '\0') + pcm("five-five") + std::string(48000, '\0');
  std::size_t n_saved[2];
  for (const int i : {0, 1}) {
    kept.keeps_audio_s = i == 0 ? 600.0 : 0.0;
    Log log;
    SpeechToTextSession session(kept, log);
    push(session, bytes, 3200);
    CHECK(log.n("final") >= 2);
    // The second utterance without the audio before it may be read otherwise: that is the price.
    CHECK(log.text().find(std::string(kText) + " five") == 0);
    n_saved[i] = session.save().size();
  }
  CHECK(n_saved[0] > bytes.size());
  CHECK(n_saved[1] < bytes.size() / 3);
}

TEST_CASE("bytes that are no checkpoint are refused") {
  if (!onnxruntime_is_there()) return;
  SpeechToTextOptions kept = options(ResultMode::utterance);
  kept.keeps_audio = true;
  Log log;
  SpeechToTextSession session(kept, log);
  push(session, pcm("five-five").substr(0, 20001), 20001);
  const std::string checkpoint = session.save();
  for (std::size_t n = 0; n < checkpoint.size(); n += 1 + n / 3) {
    CHECK_THROWS_AS(session.restore(checkpoint.substr(0, n)), std::runtime_error);
    CHECK(!session.is_open());
  }
  CHECK_THROWS_AS(session.restore(checkpoint + "x"), std::runtime_error);
  session.restore(checkpoint);
  CHECK(session.is_open());
  session.reset();
  session.end();
  CHECK(log.n("end") == 0);
}

TEST_CASE("cancel from another thread: calls return, nothing is given out") {
  if (!onnxruntime_is_there()) return;
  Log log;
  SpeechToTextSession session(options(ResultMode::utterance), log);
  std::string bytes;
  for (int i = 0; i < 20; ++i) bytes += pcm();
  std::thread shutdown([&] { session.cancel(); });
  push(session, bytes, 3200);
  shutdown.join();
  const std::vector<std::string> lines = log.lines;
  push(session, bytes, bytes.size());
  session.end();
  CHECK(log.lines == lines);
  CHECK(log.n("end") == 0);
}

TEST_CASE("sessions on threads of their own share a model") {
  if (!onnxruntime_is_there()) return;
  Log logs[2];
  std::vector<std::thread> threads;
  for (Log& log : logs) {
    threads.emplace_back([&log] {
      SpeechToTextSession session(options(ResultMode::utterance), log);
      push(session, pcm(), 3200);
      session.end();
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(logs[0].lines == logs[1].lines);
  CHECK(logs[0].text() == kText);
}

TEST_CASE("what the model can't do is an error of the start") {
  if (!onnxruntime_is_there()) return;
  Log log;
  SpeechToTextOptions wrong = options(ResultMode::utterance);
  wrong.latency_ms = 81;
  CHECK_THROWS_AS(SpeechToTextSession(wrong, log), fastctc::OptionError);
  wrong = options();
  wrong.model_path = "/nowhere";
  CHECK_THROWS_AS(SpeechToTextSession(wrong, log), fastctc::ModelNotFoundError);
  wrong = options();
  wrong.max_alternatives = 0;
  CHECK_THROWS_AS(SpeechToTextSession(wrong, log), fastctc::OptionError);
  wrong = options();
  wrong.hot_words = {"xylophone 42"};
  CHECK_THROWS_AS(SpeechToTextSession(wrong, log), fastctc::OptionError);
}

TEST_CASE("the token list is named by its path, the model by its directory or its file") {
  if (!onnxruntime_is_there()) return;
  const std::string folder = options().model_path;
  for (const std::string& model : {folder, folder + "/", folder + "/offline.onnx"}) {
    SpeechToTextOptions named = options();
    named.model_path = model;
    named.tokens_path = folder + "/tokens.txt";
    Log log;
    SpeechToTextSession session(named, log);
    push(session, pcm(), 3200);
    session.end();
    CHECK(log.text() == kText);
    named.tokens_path = "/elsewhere/tokens.txt";
    CHECK_THROWS_WITH_AS(SpeechToTextSession(named, log), doctest::Contains("not inside the model directory"),
                         fastctc::ModelError);
  }
}

TEST_CASE("beam search gives alternatives") {
  if (!onnxruntime_is_there()) return;
  SpeechToTextOptions beam = options();
  beam.max_alternatives = 3;
  beam.hot_words = {"nine:2"};
  Log log;
  SpeechToTextSession session(beam, log);
  push(session, pcm(), 3200);
  session.end();
  CHECK(log.results.at(0).text == kText);
  CHECK(log.results.at(0).alternatives.size() > 1);
  CHECK(log.results.at(0).alternatives.at(0) == kText);
}
