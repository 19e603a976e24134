// Runs a generated operator over tuples, with our stand-in for the runtime: what it submits goes to standard output.
// usage: driver RECORDING (16-bit mono WAV)
#include <SPL/Runtime/Common/RuntimeException.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>

#include "generated.h"

namespace {

std::mutex lines_mutex;
std::vector<std::string> lines;
std::map<std::string, SPL::Metric> metrics;
std::vector<std::thread> threads;
using Operator = generated::SpeechToText_Op;

generated::Input0 tuple(std::string const& call, std::string const& bytes) {
  generated::Input0 tuple;
  tuple.set_callId(call);
  tuple.set_speech(SPL::blob(reinterpret_cast<unsigned char const*>(bytes.data()), bytes.size()));
  tuple.set_number(static_cast<SPL::int32>(bytes.size()));
  return tuple;
}
void add_line(std::string const& line) {
  const std::lock_guard<std::mutex> lock(lines_mutex);
  lines.push_back(line);
}
void finish(Operator& last) {
  last.process(SPL::Punctuation(SPL::Punctuation::FinalMarker), 0);
  for (std::thread& thread : threads) thread.join();
  threads.clear();
}

}  // namespace

SPL::Metric& SPL::OperatorMetrics::getCustomMetricByName(std::string const& name) { return metrics[name]; }
SPL::OperatorMetrics& SPL::OperatorContext::getMetrics() {
  static SPL::OperatorMetrics all;
  return all;
}
std::string const& SPL::OperatorContext::getName() const {
  static std::string const name = "Calls";
  return name;
}
SPL::OptionalContext* SPL::OperatorContext::getOptionalContext(std::string const&) const {
  static SPL::ConsistentRegionContext region;
  return &region;
}
SPL::OperatorContext& SPL::Operator::getContext() const {
  static SPL::OperatorContext context;
  return context;
}
SPL::ProcessingElement& SPL::Operator::getPE() const {
  static SPL::ProcessingElement element;
  return element;
}
std::uint32_t SPL::Operator::createThreads(std::uint32_t n) {
  for (std::uint32_t i = 0; i < n; ++i) threads.emplace_back([this, i] { process(i); });
  return 0;
}
// As the runtime without one: absolute paths need none.
std::string const& SPL::ProcessingElement::getDataDirectory() const {
  throw SPL::SPLRuntimeException("getDataDirectory", "there is no data directory");
}
bool SPL::ProcessingElement::getShutdownRequested() const { return false; }
void SPL::Operator::submit(SPL::Tuple const& tuple, std::uint32_t port) {
  std::ostringstream line;
  if (port == 0) {
    auto const& output = dynamic_cast<generated::Output0 const&>(tuple);
    line << output.get_callId() << ": " << output.get_transcription() << (output.get_isFinal() ? "" : " ...") << " "
         << output.get_utteranceWords().size() << " words, tuple " << output.get_number()
         << (output.get_transcriptionCompleted() ? ", completed" : "");
  } else {
    auto const& output = dynamic_cast<generated::Output1 const&>(tuple);
    line << output.get_callId() << " error: " << output.get_errorMessage();
  }
  add_line(line.str());
}
void SPL::Operator::submit(SPL::Punctuation const& punctuation, std::uint32_t) {
  add_line(punctuation == SPL::Punctuation::WindowMarker ? "window marker" : "final marker");
}

int main(int, char** arguments) {
  std::ifstream file(arguments[1], std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<generated::Input0> tuples;
  // Two calls that alternate, each with an end of its own.
  for (std::size_t begin = 0; begin < bytes.size(); begin += 9601) {
    for (std::string const call : {"a", "b"}) tuples.push_back(tuple(call, bytes.substr(begin, 9601)));
  }
  for (std::string const call : {"b", "a"}) tuples.push_back(tuple(call, std::string()));
  tuples.push_back(tuple("bad", std::string(1000, 'x')));
  const auto run = [&](Operator& from, std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) from.process(static_cast<SPL::Tuple const&>(tuples[i]), 0);
  };
  const std::size_t middle = tuples.size() / 3;
  Operator whole;
  whole.allPortsReady();
  run(whole, 0, middle);
  whole.drain();
  const std::vector<std::string> before = lines;
  SPL::Checkpoint checkpoint;
  whole.checkpoint(checkpoint);
  run(whole, middle, tuples.size());
  whole.process(SPL::Punctuation(SPL::Punctuation::WindowMarker), 0);
  whole.process(SPL::Punctuation(SPL::Punctuation::WindowMarker), 0);
  finish(whole);
  const std::vector<std::string> undisturbed = lines;
  std::map<std::string, std::int64_t> counted;
  for (auto const& metric : metrics) counted[metric.first] = metric.second.value_;

  lines = before;
  Operator resumed;
  resumed.allPortsReady();
  resumed.reset(checkpoint);
  run(resumed, middle, tuples.size());
  finish(resumed);
  std::cout << (lines == undisturbed ? "replay: the same" : "replay: DIFFERENT") << "\n";
  resumed.prepareToShutdown();
  run(resumed, 0, middle);
  std::cout << (lines == undisturbed ? "shutdown: silent" : "shutdown: NOT SILENT") << "\n";
  for (std::string const& line : undisturbed) std::cout << line << "\n";
  for (auto const& metric : counted) std::cout << metric.first << " " << metric.second << "\n";
}
