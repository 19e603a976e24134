// FrontendOptions as text: one table of fields serves reading, writing and presets.
#include <cstdint>
#include <functional>
#include <limits>
#include <sstream>
#include <type_traits>

#include "fastctc/error.h"
#include "fastctc/options.h"
#include "options/options_text.h"

namespace fastctc {
namespace {

template <class E>
struct Name {
  E value;
  const char* text;
};

constexpr Name<FeatureKind> kFeatureKinds[] = {{FeatureKind::log_mel, "log_mel"}, {FeatureKind::waveform, "waveform"}};
constexpr Name<WindowKind> kWindowKinds[] = {{WindowKind::hann, "hann"},
                                             {WindowKind::hamming, "hamming"},
                                             {WindowKind::blackman, "blackman"},
                                             {WindowKind::bartlett, "bartlett"},
                                             {WindowKind::povey, "povey"},
                                             {WindowKind::sine, "sine"},
                                             {WindowKind::rectangular, "rectangular"}};
constexpr Name<Framing> kFramings[] = {
    {Framing::centered, "centered"}, {Framing::snip_edges, "snip_edges"}, {Framing::kaldi_round, "kaldi_round"}};
constexpr Name<PadMode> kPadModes[] = {{PadMode::constant, "constant"}, {PadMode::reflect, "reflect"}};
constexpr Name<FrameCount> kFrameCounts[] = {{FrameCount::floor, "floor"},
                                             {FrameCount::floor_plus_one, "floor_plus_one"}};
constexpr Name<PreemphasisScope> kScopes[] = {{PreemphasisScope::signal, "signal"}, {PreemphasisScope::frame, "frame"}};
constexpr Name<MelScale> kMelScales[] = {{MelScale::slaney, "slaney"}, {MelScale::htk, "htk"}};
constexpr Name<MelNorm> kMelNorms[] = {{MelNorm::slaney, "slaney"}, {MelNorm::none, "none"}};
constexpr Name<MelShape> kMelShapes[] = {{MelShape::linear_hz, "linear_hz"}, {MelShape::linear_mel, "linear_mel"}};
constexpr Name<LogGuard> kLogGuards[] = {{LogGuard::add, "add"}, {LogGuard::clamp, "clamp"}};
constexpr Name<Normalize> kNormalizes[] = {{Normalize::none, "none"},
                                           {Normalize::per_feature, "per_feature"},
                                           {Normalize::all_features, "all_features"},
                                           {Normalize::fixed, "fixed"},
                                           {Normalize::utterance, "utterance"}};
constexpr Name<InstructionSet> kInstructionSets[] = {{InstructionSet::automatic, "automatic"},
                                                     {InstructionSet::baseline, "baseline"},
                                                     {InstructionSet::avx2, "avx2"},
                                                     {InstructionSet::avx512, "avx512"}};

template <class E, std::size_t N>
std::string name_of(const Name<E> (&names)[N], E value) {
  for (const auto& name : names) {
    if (name.value == value) return name.text;
  }
  return std::to_string(static_cast<int>(value));
}

template <class E, std::size_t N>
E value_of(const Name<E> (&names)[N], const std::string& option, const std::string& text) {
  std::string allowed;
  for (const auto& name : names) {
    if (text == name.text) return name.value;
    allowed += (allowed.empty() ? "" : ", ") + std::string(name.text);
  }
  throw OptionError("Option " + option + " must be one of " + allowed + ", not '" + text + "'.");
}

struct Field {
  std::string name;
  std::function<void(FrontendOptions&, const std::string&)> set;
  std::function<std::string(const FrontendOptions&)> get;
};

template <class E, std::size_t N>
Field choice(const char* name, E FrontendOptions::* member, const Name<E> (&names)[N]) {
  const Name<E>(*table)[N] = &names;
  return {name,
          [=](FrontendOptions& o, const std::string& text) {
            o.*member = value_of(*table, std::string("frontend.") + name, text);
          },
          [=](const FrontendOptions& o) { return name_of(*table, o.*member); }};
}

std::vector<float> list_from_text(const std::string& option, const std::string& text) {
  std::vector<float> values;
  std::istringstream stream(text);
  for (std::string item; std::getline(stream, item, ',');) {
    values.push_back(static_cast<float>(number_from_text(option, item)));
  }
  return values;
}

std::string list_to_text(const std::vector<float>& values) {
  std::string text;
  for (const float value : values) text += (text.empty() ? "" : ",") + to_text(value);
  return text;
}

Field field(const char* name, int FrontendOptions::* member) {
  return {name,
          [=](FrontendOptions& o, const std::string& text) {
            o.*member =
                static_cast<int>(integer_from_text(std::string("frontend.") + name, text,
                                                   std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
          },
          [=](const FrontendOptions& o) { return std::to_string(o.*member); }};
}

Field field(const char* name, double FrontendOptions::* member) {
  return {name,
          [=](FrontendOptions& o, const std::string& text) {
            o.*member = number_from_text(std::string("frontend.") + name, text);
          },
          [=](const FrontendOptions& o) { return to_text(o.*member); }};
}

Field field(const char* name, bool FrontendOptions::* member) {
  return {name,
          [=](FrontendOptions& o, const std::string& text) {
            o.*member = flag_from_text(std::string("frontend.") + name, text);
          },
          [=](const FrontendOptions& o) { return std::string(o.*member ? "true" : "false"); }};
}

Field field(const char* name, std::vector<float> FrontendOptions::* member) {
  return {name,
          [=](FrontendOptions& o, const std::string& text) {
            o.*member = list_from_text(std::string("frontend.") + name, text);
          },
          [=](const FrontendOptions& o) { return list_to_text(o.*member); }};
}

Field seed_field(const char* name) {
  return {name,
          [=](FrontendOptions& o, const std::string& text) {
            o.dither_seed = static_cast<std::uint64_t>(
                integer_from_text(std::string("frontend.") + name, text, 0, std::numeric_limits<long long>::max()));
          },
          [](const FrontendOptions& o) { return std::to_string(o.dither_seed); }};
}

const std::vector<Field>& fields() {
  using O = FrontendOptions;
  static const std::vector<Field> table = {
      choice("kind", &O::kind, kFeatureKinds),
      field("sample_rate_hz", &O::sample_rate_hz),
      field("n_mels", &O::n_mels),
      field("n_fft", &O::n_fft),
      field("win_length_samples", &O::win_length_samples),
      field("hop_length_samples", &O::hop_length_samples),
      choice("window", &O::window, kWindowKinds),
      field("window_periodic", &O::window_periodic),
      field("blackman_coeff", &O::blackman_coeff),
      choice("framing", &O::framing, kFramings),
      choice("pad_mode", &O::pad_mode, kPadModes),
      choice("frame_count", &O::frame_count, kFrameCounts),
      field("input_scale", &O::input_scale),
      field("remove_dc_offset", &O::remove_dc_offset),
      field("preemphasis", &O::preemphasis),
      choice("preemphasis_scope", &O::preemphasis_scope, kScopes),
      field("dither", &O::dither),
      seed_field("dither_seed"),
      field("mag_power", &O::mag_power),
      choice("mel_scale", &O::mel_scale, kMelScales),
      choice("mel_norm", &O::mel_norm, kMelNorms),
      choice("mel_shape", &O::mel_shape, kMelShapes),
      field("low_hz", &O::low_hz),
      field("high_hz", &O::high_hz),
      field("use_log", &O::use_log),
      choice("log_guard", &O::log_guard, kLogGuards),
      field("log_guard_value", &O::log_guard_value),
      field("use_energy", &O::use_energy),
      field("raw_energy", &O::raw_energy),
      field("energy_floor", &O::energy_floor),
      choice("normalize", &O::normalize, kNormalizes),
      field("fixed_mean", &O::fixed_mean),
      field("fixed_std", &O::fixed_std),
      field("pad_to", &O::pad_to),
      field("pad_value", &O::pad_value),
      choice("instruction_set", &O::instruction_set, kInstructionSets),
  };
  return table;
}

}  // namespace

std::string to_text(Normalize value) { return name_of(kNormalizes, value); }

Normalize normalize_from_text(const std::string& option, const std::string& text) {
  // NeMo writes NA, None and the empty string for "not normalised".
  if (text.empty() || text == "NA" || text == "None") return Normalize::none;
  return value_of(kNormalizes, option, text);
}

void set_option(FrontendOptions& options, const std::string& name, const std::string& value) {
  for (const Field& entry : fields()) {
    if (entry.name == name) return entry.set(options, value);
  }
  std::string known;
  for (const Field& entry : fields()) known += (known.empty() ? "" : ", ") + entry.name;
  throw OptionError("The front end has no option '" + name + "'; it has " + known + ".");
}

std::vector<std::pair<std::string, std::string>> list_options(const FrontendOptions& options) {
  std::vector<std::pair<std::string, std::string>> list;
  for (const Field& entry : fields()) list.emplace_back(entry.name, entry.get(options));
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
