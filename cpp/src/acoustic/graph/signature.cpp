#include "acoustic/graph/signature.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "fastctc/error.h"

namespace fastctc {
namespace {

using Tensor = GraphInfo::Tensor;

// Names seen in the exports of NeMo, sherpa-onnx, onnx-asr, transformers, WeNet; the first one found wins.
constexpr const char* kAudioNames[] = {"audio_signal",
                                       "processed_signal",
                                       "features",
                                       "input_features",
                                       "input_values",
                                       "waveform",
                                       "waveforms",
                                       "speech",
                                       "audio",
                                       "feats",
                                       "x",
                                       "input"};
constexpr const char* kOutputNames[] = {"logprobs", "log_probs", "logits", "output"};
constexpr const char* kFeatureMajorNames[] = {"audio_signal", "processed_signal"};  // NeMo's, [B, F, T]
constexpr const char* kLengthEndings[] = {"length", "lengths", "len", "lens"};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

template <std::size_t N>
bool contains(const char* const (&names)[N], const std::string& name) {
  return std::any_of(names, names + N, [&](const char* known) { return name == known; });
}

bool is_cache(const Tensor& tensor) { return lower(tensor.name).compare(0, 5, "cache") == 0; }

// "length", "x_lens", "encoded_lengths": one integer per batch item. An empty shape: the graph doesn't tell it.
bool is_length(const Tensor& tensor) {
  if (tensor.type != "int64" && tensor.type != "int32") return false;
  if (tensor.shape.size() > 1 || is_cache(tensor)) return false;
  const std::string name = lower(tensor.name);
  return contains(kLengthEndings, name.substr(name.rfind('_') + 1));
}

[[noreturn]] void raise_unknown(const std::string& graph_path, const GraphInfo& info, const std::string& why) {
  throw ModelError(
      "The graph " + graph_path + " is not one that fastctc can run: " + why + ". Inputs: " + describe(info.inputs) +
      "; outputs: " + describe(info.outputs) +
      ". Expected: audio float32 [batch, features, frames], [batch, frames, features] or [batch, samples], with or "
      "without its lengths [batch] int64 or int32 (length, *_lengths, *_len); an output float32 [batch, frames, "
      "tokens] "
      "of log-probs or logits, with or without its lengths.");
}

// The tensor with the first known name, else the only tensor; null if there are several.
template <std::size_t N>
const Tensor* choose(const std::vector<const Tensor*>& tensors, const char* const (&names)[N]) {
  for (const char* name : names) {
    for (const Tensor* tensor : tensors) {
      if (lower(tensor->name) == name) return tensor;
    }
  }
  return tensors.size() == 1 ? tensors.front() : nullptr;
}

void recognize_inputs(const std::string& graph_path, GraphInfo& info) {
  std::vector<const Tensor*> audio;
  for (const Tensor& tensor : info.inputs) {
    if (is_cache(tensor)) {
      info.cache_aware = true;
    } else if (is_length(tensor)) {
      if (!info.length_input.empty()) raise_unknown(graph_path, info, "it has two length inputs");
      info.length_input = tensor.name;
    } else if (tensor.type == "float32") {
      audio.push_back(&tensor);
    } else {
      raise_unknown(graph_path, info, "it has an input " + tensor.name + " of type " + tensor.type);
    }
  }
  const Tensor* chosen = choose(audio, kAudioNames);
  if (!chosen)
    raise_unknown(graph_path, info, audio.empty() ? "no input takes float32 audio" : "its audio input is not clear");
  for (const Tensor* other : audio) {
    if (other != chosen) raise_unknown(graph_path, info, "it needs the input " + other->name + " as well");
  }
  info.audio_input = chosen->name;
}

void recognize_layout(const std::string& graph_path, GraphInfo& info) {
  const auto& audio = *std::find_if(info.inputs.begin(), info.inputs.end(),
                                    [&](const Tensor& tensor) { return tensor.name == info.audio_input; });
  const auto& shape = audio.shape;
  if (!shape.empty() && shape[0] > 1) {
    raise_unknown(graph_path, info, "its batch is fixed at " + std::to_string(shape[0]));
  }
  if (shape.size() == 2 || (shape.size() == 3 && shape[1] == 1)) {
    info.layout = InputLayout::waveform;
    info.n_features = 1;
    if (shape.back() >= 0)
      raise_unknown(graph_path, info, "its number of samples is fixed; export it with dynamic axes");
    return;
  }
  if (shape.size() != 3) raise_unknown(graph_path, info, "its audio input has neither 2 nor 3 dimensions");
  if (shape[1] >= 0 && shape[2] >= 0) {
    raise_unknown(graph_path, info, "its number of frames is fixed; export it with dynamic axes");
  }
  if (shape[1] < 0 && shape[2] < 0 && !contains(kFeatureMajorNames, lower(info.audio_input))) {
    raise_unknown(graph_path, info,
                  "nothing tells which axis of its audio input holds the features; export it with that one fixed");
  }
  info.layout = shape[2] >= 0 ? InputLayout::frame_major : InputLayout::feature_major;
  info.n_features = static_cast<std::size_t>(std::max<std::int64_t>({shape[1], shape[2], 0}));
}

void recognize_outputs(const std::string& graph_path, GraphInfo& info) {
  std::vector<const Tensor*> scores;
  for (const Tensor& tensor : info.outputs) {
    if (is_length(tensor)) {
      if (!info.length_output.empty()) raise_unknown(graph_path, info, "it has two length outputs");
      info.length_output = tensor.name;
    } else if (tensor.type == "float32" && !is_cache(tensor)) {
      scores.push_back(&tensor);
    }
  }
  const Tensor* chosen = choose(scores, kOutputNames);
  if (!chosen)
    raise_unknown(graph_path, info, scores.empty() ? "no output is float32" : "its log-prob output is not clear");
  const auto& shape = chosen->shape;
  if (!shape.empty() && (shape.size() != 3 || (shape[1] >= 0 && shape[2] < 0))) {
    // NeMo's exporter makes this of a hybrid model unless it is told otherwise.
    const bool is_rnnt = lower(chosen->name) == "outputs" && !info.length_output.empty();
    raise_unknown(graph_path, info,
                  "its output " + chosen->name + " is not [batch, frames, tokens]" +
                      (is_rnnt ? ", but that of an RNN-T encoder; export the CTC branch (decoder_type ctc)" : ""));
  }
  info.output = chosen->name;
  info.n_tokens = shape.empty() || shape[2] < 0 ? 0 : static_cast<std::size_t>(shape[2]);
}

}  // namespace

std::string describe(const std::vector<Tensor>& tensors) {
  std::string text;
  for (const Tensor& tensor : tensors) {
    text += (text.empty() ? "" : ", ") + tensor.name + " " + tensor.type + " [";
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
      text += (i ? ", " : "") + (tensor.shape[i] < 0 ? std::string("?") : std::to_string(tensor.shape[i]));
    }
    text += ']';
  }
  return text.empty() ? "none" : text;
}

void recognize_signature(const std::string& graph_path, GraphInfo& info) {
  recognize_inputs(graph_path, info);
  recognize_layout(graph_path, info);
  recognize_outputs(graph_path, info);
}

}  // namespace fastctc
