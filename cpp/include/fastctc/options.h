// The options of every stage, one struct per stage. Python mirrors them under the same names.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fastctc/export.h"

namespace fastctc {

class HotWords;       // hot_words.h
class LanguageModel;  // language_model.h
class Lexicon;        // lexicon.h

enum class FeatureKind { log_mel, waveform };
enum class WindowKind { hann, hamming, blackman, bartlett, povey, sine, rectangular };
// Which samples frame t covers, n = samples of the signal, w = win_length_samples:
//   centered    t * hop is the middle of an n_fft block padded by n_fft / 2 on both sides (torch.stft, center=True)
//   snip_edges  starts at t * hop; only whole frames (Kaldi)
//   kaldi_round starts at t * hop + hop / 2 - w / 2, edges mirrored, round(n / hop) frames (Kaldi, snip_edges=false)
enum class Framing { centered, snip_edges, kaldi_round };
enum class PadMode { constant, reflect };         // of centered framing
enum class FrameCount { floor, floor_plus_one };  // of centered framing: n / hop (NeMo >= 2.5), n / hop + 1
enum class PreemphasisScope { signal, frame };    // NeMo: whole signal, y[0] = x[0]; Kaldi: per frame
enum class MelScale { slaney, htk };
enum class MelNorm { slaney, none };            // slaney: area norm, 2 / (f[m+2] - f[m])
enum class MelShape { linear_hz, linear_mel };  // triangles straight over Hz (librosa) or over mel (Kaldi)
enum class LogGuard { add, clamp };             // ln(x + guard), ln(max(x, guard))
// none; per feature and over all features: mean and unbiased deviation of the utterance, / (sigma + 1e-5);
// fixed: (x - fixed_mean) / fixed_std; utterance: (x - mean) / sqrt(var + 1e-7), biased, as wav2vec2's extractor.
enum class Normalize { none, per_feature, all_features, fixed, utterance };
// Which code path runs; automatic takes the widest that the processor has.
enum class InstructionSet { automatic, baseline, avx2, avx512 };

// Log-mel front end. The defaults are NeMo's AudioToMelSpectrogramPreprocessor (NeMo >= 2.5, evaluation)
// as in stt_en_fastconformer_hybrid_large_streaming_multi.
struct FrontendOptions {
  FeatureKind kind = FeatureKind::log_mel;
  int sample_rate_hz = 16000;
  int n_mels = 80;
  int n_fft = 512;  // samples, even
  int win_length_samples = 400;
  int hop_length_samples = 160;
  WindowKind window = WindowKind::hann;
  bool window_periodic = false;  // false: symmetric, as NeMo and Kaldi
  double blackman_coeff = 0.42;  // of WindowKind::blackman
  Framing framing = Framing::centered;
  PadMode pad_mode = PadMode::constant;
  FrameCount frame_count = FrameCount::floor;
  double input_scale = 1.0;       // samples are multiplied by it first; 32768 for Kaldi models trained on int16 values
  bool remove_dc_offset = false;  // per frame (Kaldi)
  double preemphasis = 0.97;      // 0: off
  PreemphasisScope preemphasis_scope = PreemphasisScope::signal;
  double dither = 0.0;  // standard deviation of added Gaussian noise; NeMo trains with 1e-5, infers with 0
  std::uint64_t dither_seed = 0;
  double mag_power = 2.0;  // exponent of |X|
  MelScale mel_scale = MelScale::slaney;
  MelNorm mel_norm = MelNorm::slaney;
  MelShape mel_shape = MelShape::linear_hz;
  double low_hz = 0.0;
  double high_hz = 0.0;  // <= 0: that much below the Nyquist frequency
  bool use_log = true;
  LogGuard log_guard = LogGuard::add;
  double log_guard_value = 5.9604644775390625e-08;  // 2^-24
  bool use_energy = false;                          // prepend the log energy of the frame (Kaldi): n_mels + 1 features
  bool raw_energy = true;                           // energy before pre-emphasis and window
  double energy_floor = 0.0;                        // of the energy feature, linear
  Normalize normalize = Normalize::none;
  std::vector<float> fixed_mean;  // [n_features], of Normalize::fixed
  std::vector<float> fixed_std;   // [n_features], of Normalize::fixed
  int pad_to = 0;                 // pad the frames with pad_value to a multiple; 0: off
  double pad_value = 0.0;
  InstructionSet instruction_set = InstructionSet::automatic;
};

// A full set of options by name: "nemo" (>= 2.5), "nemo_legacy" (<= 2.4.1), "kaldi" (fbank's own defaults),
// "waveform". Raises OptionError on an unknown name.
FASTCTC_API FrontendOptions frontend_preset(const std::string& name);
// Sets one field from text, as manifests and bindings do; lists are comma separated. Raises OptionError.
FASTCTC_API void set_option(FrontendOptions& options, const std::string& name, const std::string& value);
// Every field as (name, text), in declaration order; set_option reads it back exactly.
FASTCTC_API std::vector<std::pair<std::string, std::string>> list_options(const FrontendOptions& options);
// Raises OptionError that names the field and its range.
FASTCTC_API void validate(const FrontendOptions& options);

// How ONNX Runtime runs the graph.
struct SessionOptions {
  std::string library;           // path of the ONNX Runtime library; empty: FASTCTC_ONNXRUNTIME, then the system's
  int intra_op_threads = 1;      // threads inside one operator; 0: ONNX Runtime decides
  int inter_op_threads = 1;      // operators side by side; 1: sequential
  std::string provider = "CPU";  // CPU, CUDA, OpenVINO, ... (with or without "ExecutionProvider")
  std::vector<std::pair<std::string, std::string>> provider_options;
  std::string graph_optimization = "all";  // disabled, basic, extended, all
  // Session config entries by ONNX Runtime's own names. Spinning is off: threads that spin on a shared
  // machine cost twice (docs/numerics.md).
  std::vector<std::pair<std::string, std::string>> config_entries = {{"session.intra_op.allow_spinning", "0"},
                                                                     {"session.inter_op.allow_spinning", "0"}};
  // ONNX Runtime keeps working memory between runs, which saves a quarter to half of a run's time. It is freed after a
  // long input (150 s in all).
  bool memory_arena = true;
  // Of the operators in graphs that `fastctc optimize` and `fastctc quantize` made, on the CPU: automatic (the fastest
  // that the processor has), baseline (ONNX Runtime's own), avx2, avx2_vnni, avx512, avx512_vnni, amx. VNNI and AMX are
  // for products in 8-bit integers.
  std::string instruction_set = "automatic";
  // Keeps what ONNX Runtime makes of a graph of 8 MB or more in the cache directory (FASTCTC_HOME, else the
  // platform's), and maps it into memory the next time: a quarter of the time of a load, and one copy of the weights
  // for all processes (docs/performance.md). CPU provider, ONNX Runtime >= 1.21.
  bool cache = true;
};

// What the caller knows better than the model directory; an empty or negative field is resolved from the
// manifest, then the ONNX metadata, then the graph.
struct ModelOptions {
  std::string graph;                                          // ONNX file, relative to the directory
  std::string tokens;                                         // token list, relative to the directory
  std::string tokenizer;                                      // SentencePiece model, relative to the directory
  std::string normalize;                                      // none, per_feature, all_features, fixed, utterance
  std::string text_style;                                     // sentencepiece, characters, wordpiece
  std::string frontend_preset;                                // nemo, nemo_legacy, kaldi, waveform
  std::vector<std::pair<std::string, std::string>> frontend;  // single fields of FrontendOptions over the preset
  int blank_id = -1;
  int subsampling_factor = -1;
  int subsampling_causal = -1;  // 1: floor((L + 6) / 8) + 1 for factor 8; 0: ceil(L / 8)
  int max_encoder_frames = -1;  // length of the position table, in output frames; 0: no limit
  std::string log_probs_kind;   // log_probs, logits
  // Feature frames of a step of a cache-aware graph, where neither manifest nor metadata tells.
  int window_frames = -1;
  int chunk_frames = -1;
};

// How sure a frame, token, word or utterance is, by NeMo's measures over the log-probs of a frame (confidence.h).
enum class ConfidenceMeasure { max_prob, gibbs, tsallis, renyi };
enum class ConfidenceNormalization { linear, exponential };
enum class ConfidenceAggregation { mean, min, max, product };
struct ConfidenceOptions {
  ConfidenceMeasure measure = ConfidenceMeasure::max_prob;
  double alpha = 1.0;  // power of the probabilities, > 0; 1: as they are (NeMo suggests 0.33 for entropies)
  ConfidenceNormalization normalization = ConfidenceNormalization::linear;  // of entropies
  ConfidenceAggregation aggregation = ConfidenceAggregation::min;           // frames to token, tokens to word
};

// Raises OptionError that names the field and its range.
FASTCTC_API void validate(const ConfidenceOptions& options);

// greedy: the best token of every frame. beam: CTC prefix beam search; the objective stands above BeamDecoder in
// decoder.h.
enum class DecoderKind { greedy, beam };
enum class LanguageModelUnit { word, token };  // what the n-grams are made of
struct DecoderOptions {
  DecoderKind kind = DecoderKind::greedy;
  ConfidenceOptions confidence;

  // Of beam; scores are natural logarithms.
  int beam_size = 16;                // prefixes kept after each frame, >= 1
  int n_best = 1;                    // alternatives in the result, 1 to beam_size
  double beam_threshold = 10.0;      // prefixes this far below the best score are dropped, > 0
  int max_tokens = 0;                // most likely tokens tried per frame; 0: all
  double min_token_log_prob = -8.0;  // tokens of a frame less likely than this are not tried
  double blank_skip_prob = 1.0;      // frames whose blank has at least this probability are skipped; 1: none
  std::shared_ptr<const LanguageModel> language_model;
  double lm_weight = 0.5;
  LanguageModelUnit lm_unit = LanguageModelUnit::word;
  double word_bonus = 0.0;            // per word (per token of a token-level model), also without a model
  double unknown_word_score = -10.0;  // added to the model's own score of <unk>, after the weight
  bool score_sentence_end = true;     // the final result is scored with </s>
  std::shared_ptr<const HotWords> hot_words;
  std::shared_ptr<const Lexicon> lexicon;  // only its words are found
};

// Raises OptionError that names the field and its range.
FASTCTC_API void validate(const DecoderOptions& options);

// What fills the first window of a stream (streaming_model.h).
//   aligned   the phase of the offline graph and of NeMo's default loop; with an exact export log-probs equal offline's
//   nemo_pad  NeMo's pad_and_drop_preencoded=True
enum class StreamStart { aligned, nemo_pad };

// When a live utterance ends, in seconds of audio (endpoint.h); 0 or less: the rule is off.
struct EndpointOptions {
  double silence_after_speech_s = 1.2;
  double silence_without_speech_s = 2.4;
  double max_length_s = 20.0;
};

// Which parts of the audio hold speech.
enum class VadKind { none, energy, silero };
struct VadOptions {
  VadKind kind = VadKind::none;
  std::string model;            // Silero's ONNX file
  double threshold = 0.5;       // of Silero: probability of speech that opens a segment; it closes 0.15 below
  double min_level_db = -60.0;  // of energy: nothing below it is speech (full scale sine: -3)
  double snr_db = 6.0;          // of energy: speech is this far above the noise floor; a segment closes 3 dB below
  double min_speech_s = 0.1;    // shorter bursts are no speech
  double min_silence_s = 0.5;   // pauses shorter than this, or than 2 padding_s, do not close a segment
  double padding_s = 0.2;       // added on both sides, as far as there is audio
};

// Raises OptionError that names the field and its range.
FASTCTC_API void validate(const VadOptions& options);

// How the channels of a recording become one conversation.
struct ConversationOptions {
  double pause_s = 0.8;  // a pause this long starts a new segment of the channel; to the millisecond
};

// Raises OptionError that names the field and its range.
FASTCTC_API void validate(const ConversationOptions& options);

// A live stream.
struct StreamOptions {
  int latency_ms = -1;     // look-ahead of the graph: 0, 80, 480, 1040 in NeMo's model; -1: the longest of the model
  int sample_rate_hz = 0;  // of the audio pushed; 0: the model's
  StreamStart start = StreamStart::aligned;
  bool partial_results = true;
  EndpointOptions endpoint;
  VadOptions vad;  // silence is skipped: it does not run through the model
  DecoderOptions decoder;
};

// A recording of any length.
struct LongFormOptions {
  // Longer recordings go in steps or windows. Full attention costs more with the length, in time and in memory: on the
  // full-size model one run is faster than steps up to about 20 s.
  double one_shot_max_s = 20.0;
  double window_s = 30.0;  // of windows; less where the position table is shorter
  double overlap_s = 6.0;  // of neighbouring windows
  VadOptions vad;          // only speech is transcribed
  DecoderOptions decoder;
};

// Raises OptionError that names the field and its range.
FASTCTC_API void validate(const LongFormOptions& options);

}  // namespace fastctc
