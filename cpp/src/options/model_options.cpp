// The options of loading: the model directory, and how ONNX Runtime runs its graphs.
#include "options/option_rows.h"

namespace fastctc {

using namespace option_rows;

template <>
const OptionTable<SessionOptions>& option_table() {
  using O = SessionOptions;
  static const OptionTable<O> table = {
      text("library", &O::library, "Path of the ONNX Runtime library; empty: FASTCTC_ONNXRUNTIME, then the system's."),
      integer("intra_op_threads", &O::intra_op_threads, "", "Threads within an operator; 0: ONNX Runtime decides.", 0,
              1024),
      integer("inter_op_threads", &O::inter_op_threads, "", "Operators side by side; 1: one after the other.", 0, 1024),
      text("provider", &O::provider, "Execution provider: CPU, CUDA, OpenVINO, ..."),
      pairs("provider_options", &O::provider_options, "Options of the provider, by its own names."),
      text("graph_optimization", &O::graph_optimization, "disabled, basic, extended or all."),
      pairs("config_entries", &O::config_entries, "Session configuration, by ONNX Runtime's own names."),
      flag("memory_arena", &O::memory_arena, "Working memory is kept between runs."),
      text("instruction_set", &O::instruction_set,
           "Of our own operators: automatic, baseline, avx2, avx2_vnni, avx512, avx512_vnni or amx."),
      flag("cache", &O::cache, "Sessions of large graphs are kept on disk."),
  };
  return table;
}

template <>
const OptionTable<ModelOptions>& option_table() {
  using O = ModelOptions;
  OptionRow<O> causal = integer("subsampling_causal", &O::subsampling_causal, "",
                                "Whether subsampling sees no later frames; -1: not given.", -1, 1);
  // Python has true and false for it, manifests too.
  causal.set = [set = causal.set](O& o, const Json& value, const std::string& option) {
    set(o, value.is_boolean() ? Json(value.get<bool>() ? 1 : 0) : value, option);
  };
  static const OptionTable<O> table = {
      text("graph", &O::graph, "ONNX file, relative to the directory."),
      text("tokens", &O::tokens, "Token list, relative to the directory."),
      text("tokenizer", &O::tokenizer, "SentencePiece model, relative to the directory."),
      text("normalize", &O::normalize, "none, per_feature, all_features, fixed or utterance."),
      text("text_style", &O::text_style, "sentencepiece, characters or wordpiece."),
      text("frontend_preset", &O::frontend_preset, "nemo, nemo_legacy, kaldi or waveform."),
      pairs("frontend", &O::frontend, "Single fields of the front end over the preset."),
      integer("blank_id", &O::blank_id, "", "Id of the CTC blank; -1: not given.", -1, 1 << 24),
      integer("subsampling_factor", &O::subsampling_factor, "", "Feature frames per output frame; -1: not given.", -1,
              65536),
      causal,
      integer("max_encoder_frames", &O::max_encoder_frames, "frames",
              "Length of the position table; 0: no limit; -1: not given.", -1, std::numeric_limits<int>::max()),
      text("log_probs_kind", &O::log_probs_kind, "log_probs or logits: what the graph gives."),
      integer("window_frames", &O::window_frames, "frames", "Feature frames that a step sees; -1: not given.", -1,
              1000000),
      integer("chunk_frames", &O::chunk_frames, "frames", "Feature frames that a step advances; -1: not given.", -1,
              1000000),
  };
  return table;
}

}  // namespace fastctc
