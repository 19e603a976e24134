// An ONNX CTC graph in ONNX Runtime.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fastctc/export.h"
#include "fastctc/options.h"
#include "fastctc/types.h"

namespace fastctc {

// What an ONNX Runtime library offers.
struct EngineInfo {
  std::string library;  // path or name it was opened by
  std::string version;  // e.g. "1.32.0"
  std::vector<std::string> providers;
};
// Opens the library if no one has yet (one per process: a later call with another path raises OptionError).
// Raises EngineNotFoundError that says what was tried and what to install.
FASTCTC_API EngineInfo open_engine(const std::string& library = "");

enum class InputLayout { feature_major, frame_major, waveform };  // [B, F, T], [B, T, F], [B, N]

// What the graph itself tells, before any decision.
struct GraphInfo {
  struct Tensor {
    std::string name;
    std::string type;                 // "float32", "int64", ...
    std::vector<std::int64_t> shape;  // -1: dynamic
  };
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  std::map<std::string, std::string> metadata;
  InputLayout layout = InputLayout::feature_major;
  std::string audio_input;
  std::string length_input;    // empty: none
  std::string output;          // log-probs or logits
  std::string length_output;   // empty: none
  bool cache_aware = false;    // has cache inputs: a graph for streams
  std::size_t n_features = 0;  // 0: dynamic; 1 for a waveform
  std::size_t n_tokens = 0;    // width of the output, blank included
};

// Valid output frames of `n_frames` input frames for strided-convolution subsampling, kernel 3, stride 2 per
// layer (NeMo dw_striding): causal padding (2, 1), else (1, 1). factor: a power of two.
FASTCTC_API std::size_t subsampled_length(std::size_t n_frames, int factor, bool causal);

// Immutable after load; run() is safe from any thread.
class FASTCTC_API AcousticModel {
 public:
  // Opens the graph. Raises ModelNotFoundError, ModelError (not ONNX, truncated, inputs that fastctc doesn't
  // know), EngineError, OptionError (provider not there: lists those that are).
  AcousticModel(const std::string& graph_path, const SessionOptions& session);
  ~AcousticModel();
  AcousticModel(AcousticModel&&) noexcept;
  AcousticModel& operator=(AcousticModel&&) noexcept;

  const GraphInfo& graph() const;

  // How output frames relate to input frames. configure() sets what the caller or the manifest knows;
  // what is left is found from the graph (length output, else a probe run that tells factor and causality).
  struct Geometry {
    int subsampling_factor = -1;  // input frames (samples for a waveform) per output frame
    int causal = -1;              // 1, 0; -1: not needed (the graph gives the lengths)
    int max_encoder_frames = -1;  // 0: no limit
    std::string log_probs_kind;   // "log_probs" or "logits"
  };
  // Returns what was resolved, with the source of each. Call once, before run(): it runs the graph two to four times on
  // less than a second of noise. Raises ModelError on a contradiction, and when nothing tells the subsampling factor.
  std::vector<Property> configure(const Geometry& known);
  const Geometry& geometry() const;

  // A batch of any lengths; each item's result equals the item alone (to 1e-4: ONNX Runtime sums in another order when
  // sizes differ). One padded run if the graph masks its padding, otherwise one run per item. Raises AudioError (longer
  // than the position table, too short for the graph, not finite), ModelError (feature count differs; a graph for
  // streams), EngineError.
  std::vector<LogProbs> run(const std::vector<const Features*>& batch) const;
  LogProbs run(const Features& features) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fastctc
