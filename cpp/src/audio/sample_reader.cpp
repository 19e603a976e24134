#include "fastctc/sample_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "audio/sample_format.h"
#include "audio/wav_header.h"
#include "fastctc/error.h"

namespace fastctc {

class SampleReader::Impl {
 public:
  Impl() = default;
  explicit Impl(const SampleFormat& format) : raw_(format) {
    if (format.n_channels < 1 || format.n_channels > 1024) {
      throw OptionError("Raw samples must have 1 to 1024 channels, not " + std::to_string(format.n_channels) + ".");
    }
    if (format.sample_rate_hz < 0) throw OptionError("The rate of raw samples can't be negative.");
    reset();
  }

  void push(const char* bytes, std::size_t n_bytes, std::vector<float>& samples) {
    if (finished_) throw AudioError("The recording was finished; reset() starts another.");
    if (in_audio_ && rest_.empty()) {
      take(bytes, n_bytes, samples);
      return;
    }
    rest_.append(bytes, n_bytes);
    if (!in_audio_ && !read_header()) return;
    const std::string buffer = std::move(rest_);
    rest_.clear();
    take(buffer.data(), buffer.size(), samples);
  }

  void finish(std::vector<float>& samples) {
    if (finished_) return;
    if (!format_) {
      throw AudioError("The WAV file ends before " + std::string(parser_.expected()) + ".");
    }
    finished_ = true;
    if (!in_audio_) {  // fewer than eight bytes behind a data chunk of size 0
      in_audio_ = true;
      n_left_bytes_ = std::numeric_limits<std::uint64_t>::max();
      bounded_ = false;
      const std::string buffer = std::move(rest_);
      rest_.clear();
      take(buffer.data(), buffer.size(), samples);
    }
  }

  void reset() {
    parser_ = WavHeaderParser();
    rest_.clear();
    finished_ = false;
    format_ = raw_;
    in_audio_ = raw_.has_value();
    bounded_ = false;
    n_left_bytes_ = std::numeric_limits<std::uint64_t>::max();
    n_frames_ = 0;
  }

  const std::optional<SampleFormat>& format() const { return format_; }
  std::uint64_t n_missing_bytes() const {
    return bounded_ ? n_left_bytes_ - std::min(n_left_bytes_, std::uint64_t{rest_.size()}) : 0;
  }
  std::size_t n_rest_bytes() const { return in_audio_ ? rest_.size() : 0; }
  bool is_cut_off() const { return format_ && n_missing_bytes() >= frame_bytes(); }
  std::uint64_t n_frames() const { return n_frames_; }

 private:
  // Whether the audio has begun.
  bool read_header() {
    if (!format_) {
      const std::optional<WavHeader> header = parser_.parse(rest_);
      if (!header) return false;
      format_ = header->format;
      zero_ = header->zero;
      bounded_ = !header->to_the_end;
      n_left_bytes_ = bounded_ ? header->n_data_bytes : std::numeric_limits<std::uint64_t>::max();
    }
    if (zero_) {
      const std::optional<bool> is_chunk = looks_like_a_chunk(rest_);
      if (!is_chunk) return false;
      bounded_ = *is_chunk;
      n_left_bytes_ = bounded_ ? 0 : std::numeric_limits<std::uint64_t>::max();
    }
    in_audio_ = true;
    return true;
  }

  std::size_t frame_bytes() const {
    return bytes_of(format_->encoding) * static_cast<std::size_t>(format_->n_channels);
  }
  void take(const char* bytes, std::size_t n_bytes, std::vector<float>& samples) {
    n_bytes = static_cast<std::size_t>(std::min<std::uint64_t>(n_bytes, n_left_bytes_));
    const std::size_t n_whole = n_bytes - n_bytes % frame_bytes();
    convert(format_->encoding, reinterpret_cast<const unsigned char*>(bytes), n_whole / bytes_of(format_->encoding),
            samples);
    rest_.assign(bytes + n_whole, n_bytes - n_whole);
    n_frames_ += n_whole / frame_bytes();
    if (bounded_) n_left_bytes_ -= n_whole;
  }

  std::optional<SampleFormat> raw_;
  std::optional<SampleFormat> format_;
  WavHeaderParser parser_;
  std::string rest_;  // bytes that wait for more
  bool finished_ = false;
  bool in_audio_ = false;
  bool zero_ = false;
  bool bounded_ = false;  // n_left_bytes_ counts
  std::uint64_t n_left_bytes_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t n_frames_ = 0;
};

SampleReader::SampleReader() : impl_(new Impl) {}
SampleReader::SampleReader(const SampleFormat& format) : impl_(new Impl(format)) {}
SampleReader::~SampleReader() = default;
SampleReader::SampleReader(SampleReader&&) noexcept = default;
SampleReader& SampleReader::operator=(SampleReader&&) noexcept = default;

void SampleReader::push(const void* bytes, std::size_t n_bytes, std::vector<float>& samples) {
  if (n_bytes > 0) impl_->push(static_cast<const char*>(bytes), n_bytes, samples);
}
void SampleReader::finish(std::vector<float>& samples) { impl_->finish(samples); }
bool SampleReader::has_format() const { return impl_->format().has_value(); }
const SampleFormat& SampleReader::format() const {
  if (!impl_->format()) throw AudioError("The WAV file's header has not come yet.");
  return *impl_->format();
}
std::uint64_t SampleReader::n_missing_bytes() const { return impl_->n_missing_bytes(); }
std::size_t SampleReader::n_rest_bytes() const { return impl_->n_rest_bytes(); }
bool SampleReader::is_cut_off() const { return impl_->is_cut_off(); }
std::uint64_t SampleReader::n_frames() const { return impl_->n_frames(); }
void SampleReader::reset() { impl_->reset(); }

std::vector<std::vector<float>> deinterleave(const std::vector<float>& samples, int n_channels) {
  const std::size_t n = static_cast<std::size_t>(std::max(0, n_channels));
  if (n == 0 || samples.size() % n != 0) {
    throw OptionError(std::to_string(samples.size()) + " samples are no whole frames of " + std::to_string(n_channels) +
                      " channels.");
  }
  std::vector<std::vector<float>> channels(n, std::vector<float>(samples.size() / n));
  for (std::size_t i = 0; i < samples.size(); ++i) channels[i % n][i / n] = samples[i];
  return channels;
}

namespace {

Recording read_stream(std::istream& stream) {
  SampleReader reader;
  std::vector<float> samples;
  std::vector<char> block(1 << 16);
  while (stream) {
    stream.read(block.data(), static_cast<std::streamsize>(block.size()));
    reader.push(block.data(), static_cast<std::size_t>(stream.gcount()), samples);
  }
  if (stream.bad()) throw AudioError("It can't be read.");
  reader.finish(samples);
  if (reader.is_cut_off()) {
    throw AudioError("The file was cut off: " + std::to_string(reader.n_missing_bytes()) +
                     " bytes of the audio that its header promises are missing. Mend it, or read it through a "
                     "SampleReader.");
  }
  return {deinterleave(samples, reader.format().n_channels), reader.format().sample_rate_hz};
}

}  // namespace

Recording read_wav(const std::string& path) {
  const std::filesystem::path file = std::filesystem::u8path(path);
  std::error_code code;
  if (!std::filesystem::exists(file, code)) throw AudioNotFoundError(path + ": there is no such file.");
  if (std::filesystem::is_directory(file, code)) throw AudioError(path + " is a directory.");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw AudioError(path + " can't be opened: " + std::strerror(errno));
  try {
    return read_stream(stream);
  } catch (const AudioError& error) {
    throw AudioError(path + ": " + error.what());
  }
}

std::vector<float> mix(const Recording& recording) {
  if (recording.channels.empty()) throw OptionError("A recording without channels can't be mixed.");
  std::vector<float> sum = recording.channels.front();
  for (std::size_t channel = 1; channel < recording.channels.size(); ++channel) {
    const std::vector<float>& samples = recording.channels[channel];
    if (samples.size() != sum.size()) throw OptionError("The channels of a recording must be of one length.");
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += samples[i];
  }
  if (recording.channels.size() > 1) {
    for (float& sample : sum) sample /= static_cast<float>(recording.channels.size());
  }
  return sum;
}

}  // namespace fastctc
