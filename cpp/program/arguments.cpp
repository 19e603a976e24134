#include "arguments.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "fastctc/error.h"
#include "fastctc/version.h"

const char* const kUsage =
    "usage: fastctc-transcribe --model DIR [options] FILE...\n"
    "Transcribes WAV files, raw samples, or - for standard input.\n"
    "\n"
    "  --model DIR           model directory, or an ONNX file in one (or FASTCTC_MODEL)\n"
    "  --library FILE        ONNX Runtime library (or FASTCTC_ONNXRUNTIME)\n"
    "  --threads N           threads inside one run of the graph (default: 1)\n"
    "  --raw ENCODING        raw samples: u8, s16le, s24le, s32le, f32le, f64le, mulaw, alaw\n"
    "  --rate HZ             of raw samples (default: the model's)\n"
    "  --channels N          of raw samples, interleaved (default: 1)\n"
    "  --channel N           which channel, from 0 (default: the mean of all)\n"
    "  --split-channels      a conversation: every channel on its own\n"
    "  --latency-ms N        as a live stream with that look-ahead, results as they come\n"
    "  --beam N              beam search with N prefixes\n"
    "  --lm FILE             language model of beam search: ARPA, or made by `fastctc lm build`\n"
    "  --hot-word PHRASE[:X] phrase that beam search prefers; may be given again\n"
    "  --vad KIND            only speech: energy\n"
    "  --set NAME=VALUE      any option of transcription or streams (docs/cpp.md), as decoder.n_best=3\n"
    "  --load NAME=VALUE     any option of loading, as normalize=none\n"
    "  --words               one line per word: file, channel, start, end (seconds), confidence, word\n"
    "  --json                one line of JSON per file\n"
    "  --verbose             messages of the library, on standard error\n"
    "  --help, --version\n";

namespace {

using fastctc::option_json;
using fastctc::OptionError;

int integer(const std::string& option, const std::string& text, int lowest) {
  char* end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || value < lowest || value > 1000000) {
    throw OptionError(option + " takes an integer from " + std::to_string(lowest) + ", not '" + text + "'.");
  }
  return static_cast<int>(value);
}

std::string json_of(const std::string& option, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) throw OptionError(option + " takes NAME=VALUE, not '" + text + "'.");
  return option_json(text.substr(0, equals), text.substr(equals + 1));
}

class Reader {
 public:
  Reader(int argc, char** argv) : rest_(argv + 1, argv + argc) {
    if (const char* model = std::getenv("FASTCTC_MODEL")) result_.model = model;
  }

  Arguments read() {
    while (next_ < rest_.size()) {
      const std::string& argument = rest_[next_++];
      if (argument == "-" || argument.empty() || argument[0] != '-') {
        result_.files.push_back(argument);
      } else if (!flag(argument) && !raw(argument) && !decoding(argument)) {
        with_value(argument);
      }
    }
    finish();
    return std::move(result_);
  }

 private:
  const std::string& value(const std::string& option) {
    if (next_ == rest_.size()) throw OptionError(option + " needs a value.");
    return rest_[next_++];
  }

  void set(const std::string& name, const std::string& text) { result_.options.push_back(option_json(name, text)); }

  bool flag(const std::string& option) {
    if (option == "--words") return result_.output = Output::words, true;
    if (option == "--json") return result_.output = Output::json, true;
    if (option == "--split-channels") return result_.split_channels = true;
    if (option == "--verbose") return result_.verbose = true;
    return false;
  }

  bool raw(const std::string& option) {
    if (option == "--raw") {
      encoding_ = value(option);
    } else if (option == "--rate") {
      format_.sample_rate_hz = integer(option, value(option), 1000);
    } else if (option == "--channels") {
      format_.n_channels = integer(option, value(option), 1);
    } else {
      return false;
    }
    raw_given_ = option;
    return true;
  }

  bool decoding(const std::string& option) {
    if (option == "--beam") {
      set("decoder.beam_size", value(option));
    } else if (option == "--lm") {
      set("decoder.language_model", value(option));
    } else if (option == "--hot-word") {
      hot_words_ += value(option) + "\n";
    } else {
      return false;
    }
    set("decoder.kind", "beam");
    return true;
  }

  void with_value(const std::string& option) {
    if (option == "--model") {
      result_.model = value(option);
    } else if (option == "--library") {
      result_.load.session.library = value(option);
    } else if (option == "--threads") {
      result_.load.session.intra_op_threads = integer(option, value(option), 0);
    } else if (option == "--channel") {
      result_.channel = integer(option, value(option), 0);
    } else if (option == "--latency-ms") {
      result_.latency_ms = integer(option, value(option), 0);
    } else if (option == "--vad") {
      set("vad.kind", value(option));
    } else if (option == "--set") {
      result_.options.push_back(json_of(option, value(option)));
    } else if (option == "--load") {
      fastctc::set_options(result_.load, json_of(option, value(option)));
    } else {
      throw OptionError("There is no option " + option + ". See --help.");
    }
  }

  void finish() {
    if (!hot_words_.empty()) set("decoder.hot_words", hot_words_);
    if (!encoding_.empty()) {
      format_.encoding = fastctc::sample_encoding(encoding_);
      result_.raw = format_;
    } else if (!raw_given_.empty()) {
      throw OptionError(raw_given_ + " is of raw samples: give --raw ENCODING too. A WAV file tells it itself.");
    }
    if (result_.model.empty()) throw OptionError("Name a model directory: --model DIR.");
    if (result_.files.empty()) throw OptionError("Name a WAV file, or - for standard input.");
    if (result_.split_channels && result_.channel >= 0) {
      throw OptionError("--split-channels transcribes every channel, --channel one. Give one of them.");
    }
    if (result_.split_channels && result_.latency_ms) {
      throw OptionError("--split-channels is of recordings. For a live stream of one channel give --channel N.");
    }
  }

  std::vector<std::string> rest_;
  std::size_t next_ = 0;
  std::string encoding_;
  std::string raw_given_;
  std::string hot_words_;
  fastctc::SampleFormat format_;
  Arguments result_;
};

}  // namespace

std::optional<Arguments> read_arguments(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--help" || argument == "-h") return std::fputs(kUsage, stdout), std::nullopt;
    if (argument == "--version") return std::puts("fastctc-transcribe " FASTCTC_VERSION), std::nullopt;
  }
  return Reader(argc, argv).read();
}
