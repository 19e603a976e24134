// The recognition logic of the SPL operator, without Streams (spl/com.teracloud.streamsx.stt).
#include <doctest/doctest.h>
#include <fastctc/audio.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "SpeechToTextSession.h"
#include "onnxruntime_library.h"
#include "temporary_directory.h"

using namespace speech_to_text;

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
  void conversation_end(const std::string& id) override {
    lines.push_back("end");
    ended.push_back(id);
  }
  void error(const SpeechToTextError& error) override {
    errors.push_back(error);
    lines.push_back("error id=" + error.conversation_id);
  }
  // Words of one channel's final results, of one conversation or of all.
  std::string text(int channel = 0, const std::string& id = "*") const {
    std::string text;
    for (const SpeechToTextResult& result : results) {
      if (!result.is_final || result.channel != channel || result.text.empty()) continue;
      if (id != "*" && id != result.conversation_id) continue;
      text += (text.empty() ? "" : " ") + result.text;
    }
    return text;
  }
  std::ptrdiff_t n(const std::string& start) const {
    return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(start) == 0; });
  }

  std::vector<SpeechToTextResult> results;
  // What one conversation gave, in order.
  std::vector<std::string> of(const std::string& id) const {
    std::vector<std::string> own;
    for (const std::string& line : lines) {
      if (line.find(" id=" + id + " ") != std::string::npos) own.push_back(line);
    }
    return own;
  }

  std::vector<SpeechToTextError> errors;
  std::vector<std::string> lines;
  std::vector<std::string> ended;
};

AudioDescription describe(int channel, int n_channels = 0, int sample_rate_hz = 0) {
  AudioDescription about;
  about.channel = channel;
  about.n_channels = n_channels;
  about.sample_rate_hz = sample_rate_hz;
  return about;
}

void push(SpeechToTextSession& session, const std::string& bytes, std::size_t n_piece, const std::string& id = "",
          const AudioDescription& about = AudioDescription()) {
  for (std::size_t begin = 0; begin < bytes.size(); begin += n_piece) {
    session.push(id, bytes.data() + begin, std::min(n_piece, bytes.size() - begin), about);
  }
}

std::vector<std::string> run(const SpeechToTextOptions& options, const std::string& bytes, std::size_t n_piece) {
  Log log;
  SpeechToTextSession session(options, log);
  push(session, bytes, n_piece);
  session.end_all();
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
    steps.push_back([id, piece](SpeechToTextSession& session) { session.push(id, piece.data(), piece.size()); });
  }
  return steps;
}

void append(std::vector<Step>& all, const std::vector<Step>& more) { all.insert(all.end(), more.begin(), more.end()); }

// After each step a session ends, and another one goes on from its checkpoint: together they must give what one gives.
// settles: what was pushed is recognised after each step, as in a consistent region; else whenever the session wants,
// as with a checkpoint between two tuples.
void check_replay(const SpeechToTextOptions& options, const std::vector<Step>& steps, bool settles) {
  const auto run_step = [settles](const Step& step, SpeechToTextSession& session) {
    step(session);
    if (settles) session.settle();
  };
  Log whole;
  SpeechToTextSession uninterrupted(options, whole);
  Log before;
  SpeechToTextSession first(options, before);
  Log resumed;
  SpeechToTextSession second(options, resumed);
  for (const Step& step : steps) run_step(step, uninterrupted);
  for (std::size_t n = 0; n < steps.size(); ++n) {
    const std::string checkpoint = first.save();
    resumed = before;
    second.restore(checkpoint);
    CHECK(resumed.lines == before.lines);  // the replay is silent
    CHECK(second.metrics().n_audio_bytes == first.metrics().n_audio_bytes);
    for (std::size_t rest = n; rest < steps.size(); ++rest) run_step(steps[rest], second);
    if (settles) REQUIRE(resumed.lines == whole.lines);
    REQUIRE(resumed.ended == whole.ended);
    for (const std::string& id : whole.ended) REQUIRE(resumed.of(id) == whole.of(id));
    CHECK(second.metrics().n_utterances == uninterrupted.metrics().n_utterances);
    CHECK(second.metrics().n_conversations == uninterrupted.metrics().n_conversations);
    CHECK(second.metrics().n_errors == uninterrupted.metrics().n_errors);
    run_step(steps[n], first);
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
  session.end_all();
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
  session.end_all();
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
    session.end_all();
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
  session.end_all();
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
    single.end_all();
    CHECK(own.text(channel) == log.text(channel));
    CHECK(own.results.back().is_completed);
    CHECK(own.text(1 - channel).empty());
  }
  all.channel = 2;
  CHECK_THROWS_WITH_AS(SpeechToTextSession(all, log), doctest::Contains("channel 2 does not exist"),
                       fastctc::OptionError);
}

TEST_CASE("a conversation ends at a marker, an empty blob of its own; further ends are ignored") {
  if (!onnxruntime_is_there()) return;
  Log log;
  SpeechToTextSession session(options(), log);
  session.end_all();
  CHECK(log.lines.empty());
  push(session, pcm("five-five"), 3200, "a");
  session.end_all();
  session.end_all();
  session.push("a", nullptr, 0);
  CHECK(log.n("end") == 1);
  push(session, pcm("five-five"), 3201, "b");  // an odd byte stays behind
  session.push("b", nullptr, 0);
  push(session, pcm(), 3200, "b");
  push(session, pcm("five-five"), 3200, "c");  // b stays open
  CHECK(log.n("end") == 2);
  CHECK(session.n_open() == 2);
  CHECK(session.is_open("b"));
  session.push("d", nullptr, 0);  // d never opens
  session.end_all();              // in the order in which they began
  CHECK(log.ended == std::vector<std::string>{"a", "b", "b", "c"});
  CHECK(log.n("final") == 4);
  const std::string texts[] = {"five five", "five five", kText, "five five"};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(log.results.at(i).conversation_id == log.ended[i]);
    CHECK(log.results.at(i).text == texts[i]);
    CHECK(log.results.at(i).is_completed);
  }
  CHECK(session.metrics().n_conversations == 4);
  CHECK(session.n_open() == 0);
}

TEST_CASE("conversations that alternate give what each gives alone, in every mode") {
  if (!onnxruntime_is_there()) return;
  const std::string calls[] = {"two-nine-three-four-zero", "five-five", "call-two-channels"};
  for (const ResultMode mode : {ResultMode::partial, ResultMode::utterance, ResultMode::complete}) {
    SpeechToTextOptions alternating = options(mode);
    alternating.reports_completion = true;
    Log alone;
    {
      SpeechToTextSession session(alternating, alone);
      for (int i = 0; i < 8; ++i) {
        push(session, pcm(calls[i % 3]), 5001, std::to_string(i));
        session.end(std::to_string(i));
      }
    }
    Log together;
    SpeechToTextSession session(alternating, together);
    for (std::size_t begin = 0;; begin += 5001) {
      bool is_over = true;
      for (int i = 0; i < 8; ++i) {
        const std::string bytes = pcm(calls[i % 3]);
        if (begin >= bytes.size()) {
          session.end(std::to_string(i));
          continue;
        }
        is_over = false;
        session.push(std::to_string(i), bytes.data() + begin, std::min<std::size_t>(5001, bytes.size() - begin));
      }
      if (is_over) break;
    }
    for (int i = 0; i < 8; ++i) {
      CHECK(!alone.of(std::to_string(i)).empty());
      CHECK(together.of(std::to_string(i)) == alone.of(std::to_string(i)));
    }
    CHECK(together.n("end") == 8);
  }
}

TEST_CASE("threads that push, one that steps: the results of each conversation stay what they are") {
  if (!onnxruntime_is_there()) return;
  const SpeechToTextOptions live = options(ResultMode::partial);
  Log alone;
  {
    SpeechToTextSession session(live, alone);
    push(session, pcm(), 3200, "0");
    session.end_all();
  }
  Log together;
  SpeechToTextSession session(live, together);
  std::atomic<bool> is_over{false};
  std::thread stepper([&] {
    while (!is_over) {
      if (!session.step()) session.wait(0.01);
    }
  });
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&session, i] {
      push(session, pcm(), 3200, std::to_string(i));
      session.push(std::to_string(i), nullptr, 0);
    });
  }
  for (std::thread& caller : callers) caller.join();
  is_over = true;
  stepper.join();
  CHECK(together.n("end") == 4);
  const std::vector<std::string> expected = alone.of("0");
  for (int i = 0; i < 4; ++i) {
    std::vector<std::string> own = together.of(std::to_string(i));
    for (std::string& line : own) line.replace(line.find(" id="), 5, " id=0");
    CHECK(own == expected);
  }
}

TEST_CASE("what a thread steps is given out without any call") {
  if (!onnxruntime_is_there()) return;
  Log log;
  SpeechToTextSession session(options(ResultMode::partial), log);
  push(session, pcm(), 3200);
  while (session.step()) {
  }
  CHECK(log.n("partial") > 0);
  CHECK(session.is_open(""));
  const std::ptrdiff_t n_before = log.n("partial");
  session.settle();
  CHECK(log.n("partial") == n_before);
}

TEST_CASE("an idle conversation ends, one that gets audio goes on") {
  if (!onnxruntime_is_there()) return;
  for (const ResultMode mode : {ResultMode::utterance, ResultMode::complete}) {
    SpeechToTextOptions timed = options(mode);
    timed.conversation_timeout_s = 3600;
    Log log;
    SpeechToTextSession session(timed, log);
    push(session, pcm("five-five"), 3200, "idle");
    const auto between = SpeechToTextSession::Clock::now();
    push(session, pcm(), 3200, "busy");
    session.step();
    CHECK(log.ended.empty());
    session.expire(between + std::chrono::hours(1));
    CHECK(log.ended == std::vector<std::string>{"idle"});
    CHECK(log.text(0, "idle") == "five five");
    session.end_all();
    CHECK(log.text(0, "busy") == kText);
  }
}

TEST_CASE("more conversations than may be open: the next is an error, the others go on") {
  if (!onnxruntime_is_there()) return;
  SpeechToTextOptions few = options();
  few.max_conversations = 2;
  few.error_policy = ErrorPolicy::skip;
  few.reports_completion = true;
  Log log;
  SpeechToTextSession session(few, log);
  for (const char* id : {"a", "b", "c", "c", "d"}) push(session, pcm("five-five"), 1 << 20, id);
  REQUIRE(log.errors.size() == 2);
  CHECK(log.errors[0].conversation_id == "c");
  CHECK(log.errors[0].message.find("'c'") != std::string::npos);
  CHECK(log.errors[0].message.find("maxConversations") != std::string::npos);
  CHECK(session.n_open() == 2);
  session.end("a");
  push(session, pcm("five-five"), 1 << 20, "c");  // its beginning is lost
  CHECK(log.errors.size() == 2);
  push(session, pcm(), 1 << 20, "e");  // there is room again
  CHECK(log.errors.size() == 2);
  push(session, pcm(), 1 << 20, "f");
  CHECK(log.errors.size() == 3);  // c, d, f: the oldest is forgotten, and told that it is over
  CHECK(log.ended == std::vector<std::string>{"a", "c"});
  session.end_all();
  CHECK(log.text(0, "a") == "five five");
  CHECK(log.text(0, "b") == "five five");
  CHECK(log.text(0, "c").empty());
  CHECK(log.text(0, "e") == kText);
  few.error_policy = ErrorPolicy::fail;
  SpeechToTextSession strict(few, log);
  for (const char* id : {"a", "b"}) push(strict, pcm("five-five"), 1 << 20, id);
  CHECK_THROWS_WITH_AS(push(strict, pcm("five-five"), 1 << 20, "c"), doctest::Contains("maxConversations"),
                       std::runtime_error);
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
    push(session, bytes, 501, std::to_string(log.n("end")));
    session.end_all();
  }
  CHECK(log.n("end") == 3);
  REQUIRE(log.errors.size() == 1);
  CHECK(log.errors[0].conversation_id == "1");
  CHECK(!log.errors[0].message.empty());
  CHECK(session.metrics().n_errors == 1);
  CHECK(session.metrics().n_conversations == 3);
  CHECK(log.n("final id=1 channel=0 number=0 0-0 [] completed error") == 1);
  CHECK(log.text() == std::string("five five ") + kText);

  // A recording that is cut in its header, or in its audio, or has none. What a cut one has is given.
  const std::pair<std::size_t, const char*> cuts[] = {
      {20, "ends before"}, {kHeaderBytes, "no audio"}, {60001, "truncated"}};
  for (const auto& cut : cuts) {
    const std::size_t n_errors = log.errors.size();
    push(session, wav().substr(0, cut.first), 4096, "cut");
    session.end("cut");
    REQUIRE(log.errors.size() == n_errors + 1);
    CHECK(log.errors.back().message.find(cut.second) != std::string::npos);
    CHECK(log.errors.back().message.find("'cut'") != std::string::npos);
    CHECK(!log.results.back().error_message.empty());
  }
  CHECK(log.text(0, "cut").find("two nine") == 0);
  CHECK(session.metrics().n_errors == 4);
  CHECK(log.n("end") == 6);

  SpeechToTextOptions fail = skip;
  fail.error_policy = ErrorPolicy::fail;
  Log failed;
  SpeechToTextSession strict(fail, failed);
  CHECK_THROWS_AS(push(strict, garbage, 501), std::runtime_error);
  CHECK(failed.lines == std::vector<std::string>{"error id="});
  CHECK(strict.n_open() == 0);
  push(strict, wav(), 501);  // it is usable again
  strict.end_all();
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
  session.push_file("a", folder + "two-nine-three-four-zero.wav");
  session.push_file("b", folder + "none.wav");
  session.push_file("a", folder + "five-five.wav");
  session.push_file("b", "");
  CHECK(log.ended == std::vector<std::string>{"b"});
  session.push_file("c", folder + "five-five.wav");
  session.push_file("c", folder + "call-two-channels.wav");  // not of the same format
  session.end_all();
  CHECK(log.text(0, "a") == std::string(kText) + " five five");
  REQUIRE(log.errors.size() == 2);
  CHECK(log.errors.at(0).message.find("Conversation 'b': ") == 0);
  CHECK(log.errors.at(0).message.find("none.wav") != std::string::npos);
  CHECK(log.errors.at(1).message.find("call-two-channels.wav: The audio of a conversation must not change") !=
        std::string::npos);
  CHECK(log.results.back().text == "five five");
  CHECK(!log.results.back().error_message.empty());
  CHECK(log.n("end") == 3);
}

TEST_CASE("files that are cut, empty, or have a header alone are errors; what is there is given") {
  if (!onnxruntime_is_there()) return;
  SpeechToTextOptions skip = options();
  skip.audio_format = AudioFormat::wav;
  skip.error_policy = ErrorPolicy::skip;
  skip.reports_completion = true;
  const TemporaryDirectory directory;
  const std::pair<std::string, const char*> files[] = {{std::string(), "empty"},
                                                       {wav().substr(0, 30), "ends before"},
                                                       {wav().substr(0, kHeaderBytes), "no audio"},
                                                       {wav().substr(0, 60001), "truncated"}};
  for (const auto& file : files) {
    const std::string path = (directory.path() / "file.wav").string();
    std::ofstream(path, std::ios::binary) << file.first;
    Log log;
    SpeechToTextSession session(skip, log);
    session.push_file(path, path);
    session.end(path);
    REQUIRE(log.errors.size() == 1);
    CHECK(log.errors[0].message.find(path + ": ") == 0);
    CHECK(log.errors[0].message.find(file.second) != std::string::npos);
    CHECK(session.metrics().n_errors == 1);
    CHECK(log.n("end") == 1);
    CHECK((log.text().find("two nine") == 0) == (file.first.size() > 1000));
  }
}

TEST_CASE("what tuples say counts: split, interleaved and mono audio, each with and without parameters") {
  if (!onnxruntime_is_there()) return;
  // The call's channels, as they are when each is read alone.
  const std::string bytes = pcm("call-two-channels");
  std::string channels[2];
  for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4) {
    channels[0] += bytes.substr(at, 2);
    channels[1] += bytes.substr(at + 2, 2);
  }
  std::string texts[2];
  for (const int channel : {0, 1}) {
    Log log;
    SpeechToTextSession session(options(), log);
    push(session, channels[channel], 3200);
    session.end_all();
    texts[channel] = log.text();
    CHECK(!texts[channel].empty());
  }
  for (const ResultMode mode : {ResultMode::utterance, ResultMode::complete}) {
    for (const int rate_parameter : {0, 16000}) {
      for (const int channel_parameter : {-1, 0, 1}) {
        SpeechToTextOptions described = options(mode);
        described.sample_rate_hz = rate_parameter;
        described.channel = channel_parameter;
        Log log;
        SpeechToTextSession session(described, log);
        for (std::size_t begin = 0; begin < channels[0].size(); begin += 4801) {
          for (const int channel : {0, 1}) {
            const std::string piece = channels[channel].substr(begin, 4801);
            session.push("split", piece.data(), piece.size(), describe(channel, 1, 16000));
          }
          const std::string piece = bytes.substr(2 * begin, 2 * 4801);
          session.push("interleaved", piece.data(), piece.size(), describe(-1, 2, 16000));
        }
        for (const int channel : {0, 1}) session.push("split", nullptr, 0, describe(channel, 1, 16000));
        CHECK(log.ended == std::vector<std::string>{"split"});  // with the end of the last channel
        session.end_all();
        for (const int channel : {0, 1}) {
          const bool is_asked_for = channel_parameter < 0 || channel_parameter == channel;
          for (const char* id : {"split", "interleaved"}) {
            CHECK((log.text(channel, id) == texts[channel]) == is_asked_for);
            CHECK(log.text(channel, id).empty() == !is_asked_for);
          }
        }
        for (const SpeechToTextResult& result : log.results) {
          CHECK(result.source_channel == (result.conversation_id == "split" ? result.channel : -1));
        }
        CHECK(log.errors.empty());
      }
    }
  }
}

TEST_CASE("the rate that tuples say is the one they are read with") {
  if (!onnxruntime_is_there()) return;
  const fastctc::Recording recording =
      fastctc::read_wav(std::string(FASTCTC_TEST_DATA) + "/speech/two-nine-three-four-zero.wav");
  fastctc::AudioView view;
  view.samples = recording.channels[0].data();
  view.n_samples = recording.channels[0].size();
  view.sample_rate_hz = recording.sample_rate_hz;
  std::string bytes;
  for (const float sample : fastctc::resample(view, 8000)) {
    const int value = static_cast<int>(std::lround(sample * 32767));
    bytes.push_back(static_cast<char>(value & 0xff));
    bytes.push_back(static_cast<char>(value >> 8 & 0xff));
  }
  for (const int said : {8000, 0}) {
    SpeechToTextOptions described = options();
    described.sample_rate_hz = said == 0 ? 8000 : 0;
    Log log;
    SpeechToTextSession session(described, log);
    push(session, bytes, 1601, "a", describe(-1, 0, said));
    session.end_all();
    CHECK(log.text() == kText);
  }
}

TEST_CASE("what contradicts itself is an error that names both") {
  if (!onnxruntime_is_there()) return;
  struct Case {
    SpeechToTextOptions options;
    std::vector<AudioDescription> tuples;
    const char* message;
  };
  SpeechToTextOptions plain = options();
  plain.error_policy = ErrorPolicy::skip;
  SpeechToTextOptions rate = plain;
  rate.sample_rate_hz = 16000;
  SpeechToTextOptions two = plain;
  two.n_channels = 2;
  SpeechToTextOptions second = plain;
  second.channel = 1;
  const Case cases[] = {
      {rate, {describe(-1, 1, 8000)}, "The tuple says sampleRate 8000, the parameter sampleRate is 16000."},
      {two, {describe(-1, 1)}, "The tuple says channels 1, the parameter channels is 2."},
      {two, {describe(0)}, "The tuple says channels 1, the parameter channels is 2."},
      {plain, {describe(0, 2)}, "is channel 0 and that it holds 2"},
      {plain, {describe(-1, 1, 16000), describe(-1, 1, 8000)}, "was 16000 and is now 8000"},
      {plain, {describe(-1, 1), describe(-1, 2)}, "number of channels was 1 and is now 2"},
      {plain, {describe(0, 1), describe(-1, 1)}, "Let all do, or none"},
      {second, {describe(-1, 1)}, "There is no channel 1 (parameter channel, counted from 0): the audio has 1."},
      {second, {describe(0, 1)}, "There is no channel 1 (parameter channel, counted from 0): no tuple"},
  };
  const std::string bytes = pcm("five-five");
  for (const Case& wrong : cases) {
    Log log;
    SpeechToTextSession session(wrong.options, log);
    for (const AudioDescription& about : wrong.tuples) session.push("a", bytes.data(), 6400, about);
    session.end_all();
    REQUIRE(log.errors.size() == 1);
    const std::string message = log.errors[0].message;
    CHECK_MESSAGE(message.find(wrong.message) != std::string::npos, message);
    CHECK(message.find("Conversation 'a': ") == 0);
  }
  const std::pair<AudioDescription, const char*> headers[] = {
      {describe(-1, 2), "says 1 channels, the tuple 2"},
      {describe(-1, 1, 8000), "says 16000 samples per second, the tuple 8000"},
  };
  plain.audio_format = AudioFormat::wav;
  for (const auto& wrong : headers) {
    Log log;
    SpeechToTextSession session(plain, log);
    push(session, wav(), 6400, "a", wrong.first);
    session.end_all();
    REQUIRE(log.errors.size() == 1);
    CHECK_MESSAGE(log.errors[0].message.find(wrong.second) != std::string::npos, log.errors[0].message);
  }
  Log log;
  SpeechToTextSession session(plain, log);
  push(session, wav("call-two-channels"), 6400, "a", describe(1));
  REQUIRE(log.errors.size() == 1);
  CHECK(log.errors[0].message.find("says 2 channels, the tuple that it is channel 1 alone") != std::string::npos);
}

TEST_CASE("a checkpoint after any tuple, then replay: every result once") {
  if (!onnxruntime_is_there()) return;
  const std::string long_pause(32000, '\0');
  std::vector<Step> steps;
  append(steps, tuples("a", pcm("five-five") + long_pause + pcm() + long_pause + pcm("five-five"), 16001));
  append(steps, tuples("b", pcm("five-five"), 16001));
  steps.push_back([](SpeechToTextSession& session) { session.end_all(); });
  steps.push_back([](SpeechToTextSession& session) { session.end_all(); });
  append(steps, tuples("b", pcm(), 20000));
  steps.push_back([](SpeechToTextSession& session) { session.push("b", nullptr, 0); });
  // Two that alternate.
  const std::vector<Step> c = tuples("c", pcm("five-five"), 9001);
  const std::vector<Step> d = tuples("d", pcm() + long_pause + pcm("five-five"), 30001);
  for (std::size_t i = 0; i < std::max(c.size(), d.size()); ++i) {
    if (i < c.size()) steps.push_back(c[i]);
    if (i < d.size()) steps.push_back(d[i]);
  }
  steps.push_back([](SpeechToTextSession& session) { session.end_all(); });
  SpeechToTextOptions kept = options(ResultMode::utterance);
  kept.keeps_audio = true;
  kept.reports_completion = true;
  SUBCASE("utterances, all audio of the conversation kept") { check_replay(kept, steps, true); }
  SUBCASE("utterances, between two tuples") { check_replay(kept, steps, false); }
  SUBCASE("utterances, only the audio since the last final result kept") {
    kept.keeps_audio_s = 0;
    check_replay(kept, steps, true);
  }
  SUBCASE("partial results") {
    kept.result_mode = ResultMode::partial;
    check_replay(kept, steps, true);
  }
  SUBCASE("whole conversations") {
    kept.result_mode = ResultMode::complete;
    check_replay(kept, steps, true);
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
  steps.push_back([](SpeechToTextSession& session) { session.end_all(); });
  check_replay(kept, steps, true);
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
    session.settle();
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
    CHECK(session.n_open() == 0);
  }
  CHECK_THROWS_AS(session.restore(checkpoint + "x"), std::runtime_error);
  session.restore(checkpoint);
  CHECK(session.n_open() == 1);
  session.reset();
  session.end_all();
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
  session.end_all();
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
      session.end_all();
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
  CHECK_THROWS_WITH_AS(SpeechToTextSession(wrong, log), doctest::Contains("Parameter latencyMs"), fastctc::OptionError);
  wrong = options();
  wrong.blank_id = 3;
  CHECK_THROWS_WITH(SpeechToTextSession(wrong, log), doctest::Contains("Parameter blankId says"));
  wrong = options();
  wrong.model_path = "/nowhere";
  CHECK_THROWS_WITH_AS(SpeechToTextSession(wrong, log),
                       doctest::Contains("Parameter modelPath: There is no model at /nowhere"),
                       fastctc::ModelNotFoundError);
  wrong = options();
  wrong.max_alternatives = 0;
  CHECK_THROWS_WITH_AS(SpeechToTextSession(wrong, log), doctest::Contains("Parameter maxAlternatives: it is 0"),
                       fastctc::OptionError);
  wrong = options();
  wrong.conversation_timeout_s = -0.5;
  CHECK_THROWS_WITH_AS(SpeechToTextSession(wrong, log), doctest::Contains("conversationTimeout: it is -0.5"),
                       fastctc::OptionError);
  wrong = options();
  wrong.language_model = "/nowhere.arpa";
  CHECK_THROWS_WITH(SpeechToTextSession(wrong, log), doctest::Contains("Parameter languageModel"));
  wrong = options();
  wrong.hot_words = {"xylophone 42"};
  CHECK_THROWS_WITH_AS(SpeechToTextSession(wrong, log), doctest::Contains("Parameter hotWords"), fastctc::OptionError);
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
    session.end_all();
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
  session.end_all();
  CHECK(log.results.at(0).text == kText);
  CHECK(log.results.at(0).alternatives.size() > 1);
  CHECK(log.results.at(0).alternatives.at(0) == kText);
}

TEST_CASE("a lexicon's words are found, and its hot words") {
  if (!onnxruntime_is_there()) return;
  const TemporaryDirectory directory;
  std::string lines;
  for (const char* line : {"II two", "III three", "IV four", "V five", "IX nine", "nil zero"}) {
    const std::string entry = line;
    const std::size_t blank = entry.find(' ');
    lines += entry.substr(0, blank) + " \xE2\x96\x81" + entry.substr(blank + 1) + "\n";
  }
  SpeechToTextOptions spelled = options();
  spelled.lexicon = directory.write("words.txt", lines);
  const auto text_of = [](const SpeechToTextOptions& options) {
    Log log;
    SpeechToTextSession session(options, log);
    push(session, pcm(), 3200);
    session.end_all();
    return log.text();
  };
  CHECK(text_of(spelled) == "II IX III IV nil");
  spelled.hot_words = {"V:30"};
  CHECK(text_of(spelled) == "II V III V nil");

  Log log;
  spelled.hot_words = {"VI"};
  CHECK_THROWS_WITH_AS(SpeechToTextSession(spelled, log),
                       doctest::Contains("Parameter hotWords: The lexicon doesn't have these words"),
                       fastctc::OptionError);
  spelled.word_end = "<wb>";
  CHECK_THROWS_WITH_AS(SpeechToTextSession(spelled, log), doctest::Contains("Parameter wordEnd is '<wb>'"),
                       fastctc::OptionError);
  spelled.lexicon.clear();
  CHECK_THROWS_WITH_AS(SpeechToTextSession(spelled, log), doctest::Contains("Give the parameter lexicon too"),
                       fastctc::OptionError);
}
