// Runs a generated operator over tuples, with our stand-in for the runtime: what it submits goes to standard output.
// usage: driver RECORDING (16-bit mono WAV)
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>

#include "generated.h"

namespace {

std::vector<std::string> lines;
std::map<std::string, SPL::Metric> metrics;
using Operator = generated::SpeechToText_Op;

generated::Input0 tuple(std::string const& call, std::string const& bytes) {
  generated::Input0 tuple;
  tuple.set_callId(call);
  tuple.set_speech(SPL::blob(reinterpret_cast<unsigned char const*>(bytes.data()), bytes.size()));
  return tuple;
}

}  // namespace

SPL::Metric& SPL::OperatorMetrics::getCustomMetricByName(std::string const& name) { return metrics[name]; }
SPL::OperatorMetrics& SPL::OperatorContext::getMetrics() {
  static SPL::OperatorMetrics all;
  return all;
}
SPL::OperatorContext& SPL::Operator::getContext() const {
  static SPL::OperatorContext context;
  return context;
}
SPL::ProcessingElement& SPL::Operator::getPE() const {
  static SPL::ProcessingElement element;
  return element;
}
std::string const& SPL::ProcessingElement::getDataDirectory() const {
  static std::string const directory = DATA_DIRECTORY;
  return directory;
}
void SPL::Operator::submit(SPL::Tuple const& tuple, std::uint32_t port) {
  std::ostringstream line;
  if (port == 0) {
    auto const& output = dynamic_cast<generated::Output0 const&>(tuple);
    line << output.get_callId() << ": " << output.get_transcription() << (output.get_isFinal() ? "" : " ...") << " "
         << output.get_utteranceWords().size() << (output.get_transcriptionCompleted() ? " completed" : "");
  } else {
    auto const& output = dynamic_cast<generated::Output1 const&>(tuple);
    line << output.get_callId() << " error: " << !output.get_errorMessage().empty();
  }
  lines.push_back(line.str());
}
void SPL::Operator::submit(SPL::Punctuation const& punctuation, std::uint32_t) {
  lines.push_back(punctuation == SPL::Punctuation::WindowMarker ? "window marker" : "final marker");
}

int main(int, char** arguments) {
  std::ifstream file(arguments[1], std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<generated::Input0> tuples;
  for (std::string const call : {"a", "b"}) {
    for (std::size_t begin = 0; begin < bytes.size(); begin += 9601) {
      tuples.push_back(tuple(call, bytes.substr(begin, 9601)));
    }
  }
  tuples.push_back(tuple("bad", std::string(1000, 'x')));
  const auto run = [&](Operator& from, std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) from.process(static_cast<SPL::Tuple const&>(tuples[i]), 0);
  };
  const std::size_t middle = tuples.size() / 3;
  Operator whole;
  run(whole, 0, middle);
  const std::vector<std::string> before = lines;
  SPL::Checkpoint checkpoint;
  whole.drain();
  whole.checkpoint(checkpoint);
  run(whole, middle, tuples.size());
  whole.process(SPL::Punctuation(SPL::Punctuation::WindowMarker), 0);
  whole.process(SPL::Punctuation(SPL::Punctuation::WindowMarker), 0);
  whole.process(SPL::Punctuation(SPL::Punctuation::FinalMarker), 0);
  const std::vector<std::string> undisturbed = lines;

  lines = before;
  Operator resumed;
  resumed.reset(checkpoint);
  run(resumed, middle, tuples.size());
  resumed.process(SPL::Punctuation(SPL::Punctuation::FinalMarker), 0);
  std::cout << (lines == undisturbed ? "replay: the same" : "replay: DIFFERENT") << "\n";
  resumed.prepareToShutdown();
  run(resumed, 0, middle);
  std::cout << (lines == undisturbed ? "shutdown: silent" : "shutdown: NOT SILENT") << "\n";
  for (std::string const& line : undisturbed) std::cout << line << "\n";
  for (auto const& metric : metrics) std::cout << metric.first << " " << metric.second.value_ << "\n";
}
