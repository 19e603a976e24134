#include "vad/silero.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "acoustic/engine/ort.h"
#include "acoustic/graph/graph.h"
#include "acoustic/graph/signature.h"
#include "acoustic/session/session.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

using Tensor = GraphInfo::Tensor;

constexpr int wide_rate_hz = 16000;
constexpr int narrow_rate_hz = 8000;
constexpr std::size_t window_at_16k = 512;
constexpr std::size_t context_at_16k = 64;
constexpr double hysteresis = 0.15;
constexpr double least_close = 0.01;

// A recurrent state: from the output of one window to the input of the next.
struct Recurrence {
  std::string input;
  std::string output;
  std::int64_t width = 0;  // of [2, batch, width]
};

const Tensor* find(const std::vector<Tensor>& tensors, const std::string& name) {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const Tensor& tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

bool is_state(const Tensor* tensor) {
  if (!tensor || tensor->type != "float32" || tensor->shape.size() != 3) return false;
  return tensor->shape[0] == 2 && tensor->shape[1] <= 1 && tensor->shape[2] > 0;
}

}  // namespace

class SileroModel {
 public:
  SileroModel(const std::string& graph_path, int sample_rate_hz, const SessionOptions& options)
      : path(graph_path), rate_hz(sample_rate_hz), session(open_session(graph_path, options).session) {
    run_options.SetRunLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);  // a failed run is raised
    try {
      recognize(describe_session(session));
    } catch (const ort::Exception& error) {
      throw EngineError("The graph " + path + ": ONNX Runtime can't describe it: " + error.what());
    }
  }

  void recognize(const GraphInfo& info);
  [[noreturn]] void raise_unknown(const GraphInfo& info, const std::string& why) const;
  void check_rate(const GraphInfo& info) const;

  std::string path;
  int rate_hz;
  std::size_t n_window = 0;   // samples
  std::size_t n_context = 0;  // samples of the window before, in front
  std::vector<Recurrence> recurrences;
  std::size_t rate_rank = 0;
  std::vector<const char*> input_names;  // input, the states, sr
  std::vector<const char*> output_names;
  mutable ort::Session session;  // Run() is thread-safe, but not const
  ort::RunOptions run_options;
};

void SileroModel::raise_unknown(const GraphInfo& info, const std::string& why) const {
  throw ModelError("The graph " + path + " is not one of Silero's for voice activity detection: " + why +
                   ". Inputs: " + describe(info.inputs) + "; outputs: " + describe(info.outputs) +
                   ". Expected, of version 5 and later: input float32 [batch, samples], state float32 [2, batch, 128], "
                   "sr int64, and the outputs output [batch, 1], stateN; of version 4: input, sr, h and c float32 [2, "
                   "batch, 64], and the outputs output, hn, cn. The PyPI package silero-vad carries such a file, "
                   "silero_vad/data/silero_vad.onnx.");
}

void SileroModel::recognize(const GraphInfo& info) {
  const Tensor* input = find(info.inputs, "input");
  if (!input || input->type != "float32" || input->shape.size() != 2)
    raise_unknown(info, "it has no input `input` of samples");
  const bool context = find(info.inputs, "state") != nullptr;
  recurrences = context ? std::vector<Recurrence>{{"state", "stateN", 0}}
                        : std::vector<Recurrence>{{"h", "hn", 0}, {"c", "cn", 0}};
  for (Recurrence& state : recurrences) {
    const Tensor* tensor = find(info.inputs, state.input);
    if (!is_state(tensor)) raise_unknown(info, "it has no state " + state.input + " [2, batch, width]");
    state.width = tensor->shape[2];
    if (!find(info.outputs, state.output)) raise_unknown(info, "it has no output " + state.output);
  }
  if (!find(info.outputs, "output")) raise_unknown(info, "it has no output `output`");
  const Tensor* rate = find(info.inputs, "sr");
  if (rate && (rate->type != "int64" || rate->shape.size() > 1)) raise_unknown(info, "sr is not one int64");
  if (info.inputs.size() != 1 + recurrences.size() + (rate ? 1 : 0)) raise_unknown(info, "it has other inputs as well");
  check_rate(info);

  n_window = rate_hz == wide_rate_hz ? window_at_16k : window_at_16k / 2;
  n_context = !context ? 0 : rate_hz == wide_rate_hz ? context_at_16k : context_at_16k / 2;
  const std::int64_t width = input->shape[1];
  if (width >= 0 && width != static_cast<std::int64_t>(n_window + n_context)) {
    raise_unknown(info, "its windows are " + std::to_string(width) + " samples, not " +
                            std::to_string(n_window + n_context) + " as at " + std::to_string(rate_hz) + " Hz");
  }
  input_names = {"input"};
  output_names = {"output"};
  for (const Recurrence& state : recurrences) {
    input_names.push_back(state.input.c_str());
    output_names.push_back(state.output.c_str());
  }
  if (rate) {
    input_names.push_back("sr");
    rate_rank = rate->shape.size();
  }
}

// A graph for one rate gives wrong probabilities at the other, and no error. Silero's file name tells its rate.
void SileroModel::check_rate(const GraphInfo& info) const {
  if (rate_hz != wide_rate_hz && rate_hz != narrow_rate_hz) {
    throw OptionError("Silero's voice activity detection takes audio at 8000 or 16000 Hz, not at " +
                      std::to_string(rate_hz) + " Hz. Resample it.");
  }
  const bool named_16k = path.find("16k", path.find_last_of("/\\") + 1) != std::string::npos;
  if (rate_hz == narrow_rate_hz && (named_16k || !find(info.inputs, "sr"))) {
    throw OptionError("The graph " + path +
                      " takes audio at 16000 Hz only, not at 8000 Hz. Resample it, or name "
                      "silero_vad.onnx, which takes both.");
  }
}

// One recording's tensors. States go from one half to the other; nothing is allocated per window.
class SileroScorer::State {
 public:
  explicit State(const SileroModel& model)
      : model_(model), memory_(ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault)) {
    window_.resize(model.n_context + model.n_window);
    rate_ = model.rate_hz;
    for (const Recurrence& state : model.recurrences) {
      for (auto& half : states_) half.emplace_back(2 * static_cast<std::size_t>(state.width));
    }
    for (std::size_t half = 0; half < 2; ++half) bind(half);
  }

  float* new_samples() { return window_.data() + model_.n_context; }

  // The probability of the window; then its end is the context of the next one. A run that fails changes nothing.
  float run() {
    try {
      model_.session.Run(model_.run_options, model_.input_names.data(), inputs_[half_].data(), inputs_[half_].size(),
                         model_.output_names.data(), outputs_[half_].data(), outputs_[half_].size());
    } catch (const ort::Exception& error) {
      throw EngineError("ONNX Runtime failed on " + std::to_string(window_.size()) + " samples of the graph " +
                        model_.path + ": " + error.what());
    }
    if (!(probability_ >= 0 && probability_ <= 1)) {
      throw ModelError("The graph " + model_.path + " gave " + std::to_string(probability_) +
                       ", which is not a probability. The graph is not Silero's, or damaged.");
    }
    half_ = 1 - half_;
    std::copy(window_.end() - static_cast<std::ptrdiff_t>(model_.n_context), window_.end(), window_.begin());
    return probability_;
  }

  void reset() {
    half_ = 0;
    std::fill(window_.begin(), window_.end(), 0.0f);
    for (auto& half : states_) {
      for (auto& state : half) std::fill(state.begin(), state.end(), 0.0f);
    }
  }

 private:
  // Half `from` is read, the other half is written.
  void bind(std::size_t from) {
    const std::array<std::int64_t, 2> window_shape = {1, static_cast<std::int64_t>(window_.size())};
    const std::array<std::int64_t, 2> output_shape = {1, 1};
    const std::int64_t one = 1;
    auto& inputs = inputs_[from];
    auto& outputs = outputs_[from];
    inputs.push_back(ort::Value::CreateTensor<float>(memory_, window_.data(), window_.size(), window_shape.data(), 2));
    outputs.push_back(ort::Value::CreateTensor<float>(memory_, &probability_, 1, output_shape.data(), 2));
    for (std::size_t i = 0; i < model_.recurrences.size(); ++i) {
      const std::array<std::int64_t, 3> shape = {2, 1, model_.recurrences[i].width};
      std::vector<float>& read = states_[from][i];
      std::vector<float>& written = states_[1 - from][i];
      inputs.push_back(ort::Value::CreateTensor<float>(memory_, read.data(), read.size(), shape.data(), 3));
      outputs.push_back(ort::Value::CreateTensor<float>(memory_, written.data(), written.size(), shape.data(), 3));
    }
    if (inputs.size() < model_.input_names.size()) {
      inputs.push_back(ort::Value::CreateTensor<std::int64_t>(memory_, &rate_, 1, &one, model_.rate_rank));
    }
  }

  const SileroModel& model_;
  ort::MemoryInfo memory_;
  std::vector<float> window_;  // context, then new samples
  std::int64_t rate_ = 0;
  float probability_ = 0;
  std::array<std::vector<std::vector<float>>, 2> states_;
  std::array<std::vector<ort::Value>, 2> inputs_;
  std::array<std::vector<ort::Value>, 2> outputs_;
  std::size_t half_ = 0;
};

std::shared_ptr<const SileroModel> open_silero(const std::string& graph_path, int sample_rate_hz,
                                               const SessionOptions& session) {
  auto model = std::make_shared<const SileroModel>(graph_path, sample_rate_hz, session);
  SileroScorer trial(model, 0.5);
  std::vector<FrameScore> scores;
  const std::vector<float> silence(model->n_window);
  try {
    trial.push(silence.data(), silence.size(), scores);
  } catch (const EngineError& error) {
    throw ModelError("The graph " + graph_path + " doesn't run as Silero's at " + std::to_string(sample_rate_hz) +
                     " Hz: " + error.what());
  }
  return model;
}

SileroScorer::SileroScorer(std::shared_ptr<const SileroModel> model, double threshold)
    : model_(std::move(model)), threshold_(threshold), state_(new State(*model_)) {}
SileroScorer::~SileroScorer() = default;

double SileroScorer::close_score() const { return std::max(threshold_ - hysteresis, least_close); }

std::unique_ptr<FrameScorer> SileroScorer::another() const {
  return std::unique_ptr<FrameScorer>(new SileroScorer(model_, threshold_));
}

void SileroScorer::push(const float* samples, std::size_t n_samples, std::vector<FrameScore>& scores) {
  for (std::size_t done = 0; done < n_samples;) {
    const std::size_t n = std::min(n_samples - done, model_->n_window - n_in_window_);
    std::copy_n(samples + done, n, state_->new_samples() + n_in_window_);
    done += n;
    n_in_window_ += n;
    n_samples_ += n;
    if (n_in_window_ == model_->n_window) run(scores);
  }
}

void SileroScorer::finish(std::vector<FrameScore>& scores) {
  if (n_in_window_ == 0) return;
  std::fill(state_->new_samples() + n_in_window_, state_->new_samples() + model_->n_window, 0.0f);
  run(scores);
}

void SileroScorer::run(std::vector<FrameScore>& scores) {
  scores.push_back({static_cast<double>(state_->run()), n_samples_});
  n_in_window_ = 0;
}

void SileroScorer::reset() {
  state_->reset();
  n_in_window_ = 0;
  n_samples_ = 0;
}

}  // namespace fastctc
