// The options of the front end: log-mel features as data.
#include "options/frontend_options.h"

#include <cstdint>
#include <limits>

#include "options/option_rows.h"

namespace fastctc {

using namespace option_rows;

template <>
const OptionTable<FrontendOptions>& option_table() {
  using O = FrontendOptions;
  constexpr double kLargestFloat = std::numeric_limits<float>::max();
  static const OptionTable<O> table = {
      choice("kind", &O::kind, {"log_mel", "waveform"}, "Features, or the samples themselves."),
      integer("sample_rate_hz", &O::sample_rate_hz, "Hz", "Rate that the model was trained with.", 100, 1000000),
      integer("n_mels", &O::n_mels, "", "Mel bands.", 1, 4096),
      integer("n_fft", &O::n_fft, "samples", "Length of the transform, even.", 2, 65536),
      integer("win_length_samples", &O::win_length_samples, "samples", "Length of the window, at most n_fft.", 1,
              65536),
      integer("hop_length_samples", &O::hop_length_samples, "samples", "From one frame to the next.", 1, 65536),
      choice("window", &O::window, {"hann", "hamming", "blackman", "bartlett", "povey", "sine", "rectangular"},
             "Shape of the window."),
      flag("window_periodic", &O::window_periodic, "The window is periodic, not symmetric."),
      number("blackman_coeff", &O::blackman_coeff, "", "Of the window blackman.", {0, 1}),
      choice("framing", &O::framing, {"centered", "snip_edges", "kaldi_round"}, "Which samples a frame covers."),
      choice("pad_mode", &O::pad_mode, {"constant", "reflect"}, "What is beyond the ends, of centered framing."),
      choice("frame_count", &O::frame_count, {"floor", "floor_plus_one"}, "How many frames, of centered framing."),
      number("input_scale", &O::input_scale, "", "Factor of the samples, before all else.", {1e-9, 1e9}),
      flag("remove_dc_offset", &O::remove_dc_offset, "The mean of each frame is subtracted."),
      number("preemphasis", &O::preemphasis, "", "Of the high-pass filter; 0: off.", {0, 1}),
      choice("preemphasis_scope", &O::preemphasis_scope, {"signal", "frame"}, "What the filter runs over."),
      number("dither", &O::dither, "", "Standard deviation of the noise that is added.", {0, 1e9}),
      integer("dither_seed", &O::dither_seed, "", "Seed of that noise.", 0, std::numeric_limits<long long>::max()),
      number("mag_power", &O::mag_power, "", "Exponent of the magnitudes.", {1e-3, 4}),
      choice("mel_scale", &O::mel_scale, {"slaney", "htk"}, "Formula of the mel scale."),
      choice("mel_norm", &O::mel_norm, {"slaney", "none"}, "Each band has the same area, or the same height."),
      choice("mel_shape", &O::mel_shape, {"linear_hz", "linear_mel"}, "Over what the triangles are straight."),
      number("low_hz", &O::low_hz, "Hz", "Lower edge of the bands."),
      number("high_hz", &O::high_hz, "Hz",
             "Upper edge of the bands; 0 or less: that much below the Nyquist frequency."),
      flag("use_log", &O::use_log, "The logarithm is taken."),
      choice("log_guard", &O::log_guard, {"add", "clamp"}, "What keeps the logarithm from zeros."),
      number("log_guard_value", &O::log_guard_value, "",
             "Smallest value of the logarithm's argument, or what is added.", {0, 1e30}),
      flag("use_energy", &O::use_energy, "The log energy of the frame stands before the bands."),
      flag("raw_energy", &O::raw_energy, "The energy is that before pre-emphasis and window."),
      number("energy_floor", &O::energy_floor, "", "Lowest energy, linear.", {0, 1e30}),
      choice("normalize", &O::normalize, {"none", "per_feature", "all_features", "fixed", "utterance"},
             "Over what features are normalised."),
      numbers("fixed_mean", &O::fixed_mean, "Mean of each feature, of normalize fixed."),
      numbers("fixed_std", &O::fixed_std, "Standard deviation of each feature, of normalize fixed."),
      integer("pad_to", &O::pad_to, "frames", "Frames are padded to a multiple of it; 0: off.", 0, 65536),
      number("pad_value", &O::pad_value, "", "What is padded.", {-kLargestFloat, kLargestFloat}),
      choice("instruction_set", &O::instruction_set, {"automatic", "baseline", "avx2", "avx512"},
             "Which code runs; all give the same bits."),
  };
  return table;
}

std::string to_text(Normalize value) {
  FrontendOptions options;
  options.normalize = value;
  return find_row(option_table<FrontendOptions>(), "normalize", "").get(options).get<std::string>();
}

Normalize normalize_from_text(const std::string& name, const std::string& text) {
  FrontendOptions options;
  // NeMo writes NA, None and the empty string for "not normalised".
  if (!(text.empty() || text == "NA" || text == "None")) {
    find_row(option_table<FrontendOptions>(), "normalize", "").set(options, text, name);
  }
  return options.normalize;
}

void set_option(FrontendOptions& options, const std::string& name, const std::string& value) {
  read_fields(options, Json{{name, value}}, "frontend.");
}

std::vector<std::pair<std::string, std::string>> list_options(const FrontendOptions& options) {
  std::vector<std::pair<std::string, std::string>> list;
  for (const auto& row : option_table<FrontendOptions>()) list.emplace_back(row.name, to_text(row.get(options)));
  return list;
}

FrontendOptions frontend_preset(const std::string& name) {
  FrontendOptions options;
  if (name == "nemo") return options;
  if (name == "nemo_legacy") {
    options.pad_mode = PadMode::reflect;
    options.frame_count = FrameCount::floor_plus_one;
    return options;
  }
  if (name == "kaldi") {
    options.n_mels = 23;
    options.window = WindowKind::povey;
    options.framing = Framing::snip_edges;
    options.remove_dc_offset = true;
    options.preemphasis_scope = PreemphasisScope::frame;
    options.mel_scale = MelScale::htk;
    options.mel_norm = MelNorm::none;
    options.mel_shape = MelShape::linear_mel;
    options.low_hz = 20.0;
    options.log_guard = LogGuard::clamp;
    options.log_guard_value = 1.1920928955078125e-07;  // FLT_EPSILON, as Kaldi
    return options;
  }
  if (name == "waveform") {
    options.kind = FeatureKind::waveform;
    return options;
  }
  throw OptionError("There is no front-end preset '" + name + "'; there are nemo, nemo_legacy, kaldi, waveform.");
}

}  // namespace fastctc
