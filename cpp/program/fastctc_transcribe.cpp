// fastctc-transcribe: recordings, raw samples and pipes to text, by the library's public API alone.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arguments.h"
#include "fastctc/conversation.h"
#include "fastctc/error.h"
#include "fastctc/log.h"
#include "fastctc/long_form.h"
#include "fastctc/recognizer.h"
#include "fastctc/stream.h"
#include "output.h"

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#else
#include <unistd.h>
#endif

namespace {

using fastctc::AudioError;

bool is_terminal() {
#if defined(_WIN32)
  return _isatty(_fileno(stdout)) != 0;
#else
  return ::isatty(STDOUT_FILENO) != 0;
#endif
}

// The bytes of a file or of standard input, as they come.
class Input {
 public:
  explicit Input(const std::string& name) {
    if (name == "-") {
#if defined(_WIN32)
      _setmode(_fileno(stdin), _O_BINARY);
#endif
      file_.reset(stdin);
      return;
    }
    file_.reset(std::fopen(name.c_str(), "rb"));
    if (!file_ && errno == ENOENT) throw fastctc::AudioNotFoundError("There is no such file.");
    if (!file_) throw AudioError(std::string("It can't be opened: ") + std::strerror(errno));
  }

  // Reads what is there; waits for a first byte only. 0 at the end.
  std::size_t read(std::vector<char>& block) {
#if defined(_WIN32)
    return std::fread(block.data(), 1, block.size(), file_.get());
#else
    while (true) {
      const ssize_t n = ::read(fileno(file_.get()), block.data(), block.size());
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) throw AudioError(std::string("It can't be read: ") + std::strerror(errno));
    }
#endif
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const {
      if (file != stdin) std::fclose(file);
    }
  };
  std::unique_ptr<std::FILE, Close> file_;
};

// The samples of one recording, in pieces, channel by channel.
class Source {
 public:
  Source(const std::string& name, const Arguments& arguments)
      : input_(name),
        reader_(arguments.raw ? fastctc::SampleReader(*arguments.raw) : fastctc::SampleReader()),
        channel_(arguments.channel),
        block_(1 << 16) {}

  // The next piece of every channel; false at the end.
  bool next() {
    interleaved_.clear();
    const std::size_t n_bytes = input_.read(block_);
    if (n_bytes > 0) {
      reader_.push(block_.data(), n_bytes, interleaved_);
    } else {
      reader_.finish(interleaved_);
    }
    split();
    return n_bytes > 0;
  }

  const fastctc::Recording& piece() const { return piece_; }
  // The chosen channel, or the mean of all.
  std::vector<float> mono() const {
    if (piece_.channels.empty()) return {};
    if (channel_ < 0) return fastctc::mix(piece_);
    if (static_cast<std::size_t>(channel_) >= piece_.channels.size()) {
      throw fastctc::OptionError("There is no channel " + std::to_string(channel_) + "; there are " +
                                 std::to_string(piece_.channels.size()) + ", from 0.");
    }
    return piece_.channels[static_cast<std::size_t>(channel_)];
  }
  int rate_hz() const { return piece_.sample_rate_hz; }

  void warn_if_cut_off(const std::string& name) const {
    if (reader_.n_missing_bytes() == 0 && reader_.n_rest_bytes() == 0) return;
    std::fprintf(stderr, "%s: warning: the recording was cut off; what is there is transcribed.\n", name.c_str());
  }

 private:
  void split() {
    if (!reader_.has_format()) return;
    piece_.sample_rate_hz = reader_.format().sample_rate_hz;
    piece_.channels = fastctc::deinterleave(interleaved_, reader_.format().n_channels);
  }

  Input input_;
  fastctc::SampleReader reader_;
  int channel_;
  std::vector<char> block_;
  std::vector<float> interleaved_;
  fastctc::Recording piece_;
};

void transcribe(const fastctc::Recognizer& recognizer, const std::string& name, const Arguments& arguments,
                const fastctc::LongFormOptions& options) {
  Source source(name, arguments);
  std::vector<fastctc::LongForm> recordings;
  for (bool more = true; more;) {
    more = source.next();
    const std::size_t n = arguments.split_channels ? source.piece().channels.size() : 1;
    while (recordings.size() < n) recordings.emplace_back(recognizer, options);
    if (!arguments.split_channels) {
      const std::vector<float> samples = source.mono();
      recordings[0].push({samples.data(), samples.size(), source.rate_hz()});
      continue;
    }
    for (std::size_t i = 0; i < n; ++i) {
      const std::vector<float>& samples = source.piece().channels[i];
      recordings[i].push({samples.data(), samples.size(), source.rate_hz()});
    }
  }
  source.warn_if_cut_off(name);
  std::vector<fastctc::Transcript> transcripts;
  for (fastctc::LongForm& recording : recordings) transcripts.push_back(recording.finish());
  const Printer printer(arguments);
  if (arguments.split_channels) {
    printer.print(name, fastctc::make_conversation(std::move(transcripts)));
  } else {
    printer.print(name, transcripts.front());
  }
}

void print_results(fastctc::Stream& stream, const std::string& name, const Arguments& arguments) {
  const bool shows_partial = arguments.output == Output::text && is_terminal();
  for (const fastctc::StreamResult& result : stream.take()) {
    if (shows_partial) std::printf("\r\x1b[K");  // erases the partial result
    if (result.is_final) Printer(arguments).print(name, result);
    if (!result.is_final && shows_partial) std::printf("%s", result.transcript.text.c_str());
  }
  std::fflush(stdout);
}

void stream(const fastctc::Recognizer& recognizer, const std::string& name, const Arguments& arguments,
            const fastctc::StreamOptions& options) {
  Source source(name, arguments);
  fastctc::Stream live(recognizer, options);
  for (bool more = true; more;) {
    more = source.next();
    const std::vector<float> samples = source.mono();
    if (!samples.empty()) live.push({samples.data(), samples.size(), source.rate_hz()});
    print_results(live, name, arguments);
  }
  source.warn_if_cut_off(name);
  live.finish();
  print_results(live, name, arguments);
}

int run(const Arguments& arguments) {
  if (arguments.verbose) {
    fastctc::set_log_callback(
        [](fastctc::LogLevel, const std::string& message) { std::fprintf(stderr, "%s\n", message.c_str()); });
  }
  const auto recognizer = fastctc::Recognizer::load(arguments.model, arguments.load.model, arguments.load.session);
  fastctc::LongFormOptions offline;
  fastctc::StreamOptions live;
  live.latency_ms = arguments.latency_ms.value_or(-1);
  for (const std::string& json : arguments.options) {
    if (arguments.latency_ms) {
      fastctc::set_options(live, json, recognizer.vocabulary());
    } else {
      fastctc::set_options(offline, json, recognizer.vocabulary());
    }
  }
  int status = 0;
  for (const std::string& name : arguments.files) {
    try {
      if (arguments.latency_ms) {
        stream(recognizer, name, arguments, live);
      } else {
        transcribe(recognizer, name, arguments, offline);
      }
    } catch (const AudioError& error) {  // the other files go on
      std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
      status = 1;
    }
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::optional<Arguments> arguments = read_arguments(argc, argv);
    return arguments ? run(*arguments) : 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fastctc-transcribe: %s\n", error.what());
    return 2;
  }
}
