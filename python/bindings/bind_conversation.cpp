// Transcripts of channels as one conversation.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings.h"
#include "fastctc/conversation.h"
#include "transcripts.h"

namespace {

using namespace fastctc_bindings;

using WordParts = std::tuple<std::string, double, double, float, float>;
// Of a transcript: text, words, duration_s.
using ChannelParts = std::tuple<std::string, std::vector<WordParts>, double>;

// ((channel, start_s, end_s, text, words, confidence), ...)
py::tuple conversation_segments(const std::vector<ChannelParts>& channels, double pause_s) {
  std::vector<fastctc::Transcript> transcripts(channels.size());
  for (std::size_t channel = 0; channel < channels.size(); ++channel) {
    transcripts[channel].text = std::get<0>(channels[channel]);
    transcripts[channel].duration_s = std::get<2>(channels[channel]);
    for (const auto& [text, start_s, end_s, confidence, score] : std::get<1>(channels[channel])) {
      transcripts[channel].words.push_back({text, start_s, end_s, confidence, score});
    }
  }
  fastctc::ConversationOptions options;
  options.pause_s = pause_s;
  fastctc::Conversation conversation;
  {
    const py::gil_scoped_release release;  // no Python object is touched in this block
    conversation = fastctc::make_conversation(std::move(transcripts), options);
  }
  return tuple_of(conversation.segments, [](const fastctc::ConversationSegment& segment) {
    return py::make_tuple(segment.channel, segment.start_s, segment.end_s, segment.text, to_python(segment.words),
                          segment.confidence);
  });
}

}  // namespace

void bind_conversation(py::module_& module) {
  module.def("conversation_segments", &conversation_segments, py::arg("channels"), py::arg("pause_s"),
             "Segments of channels (text, words, duration_s), in order of time, as tuples.");
}
