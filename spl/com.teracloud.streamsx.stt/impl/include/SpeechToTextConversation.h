// One conversation: the audio of its tuples, described by them, to the results of its channels.
#pragma once

#include <fastctc/error.h>
#include <fastctc/sample_reader.h>

#include <exception>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "SpeechToTextBytes.h"
#include "SpeechToTextChannel.h"
#include "SpeechToTextModel.h"
#include "SpeechToTextState.h"
#include "SpeechToTextTypes.h"

namespace speech_to_text {

// The message of what `step` raised; empty: nothing.
template <class Step>
std::string attempt(const Step& step) {
  try {
    step();
    return std::string();
  } catch (const std::exception& error) {
    return error.what();
  }
}

// Audio comes in tracks: one whose pieces say nothing of a channel (mono, or several channels interleaved), or one for
// each channel that pieces name. A track has a reader of its own, so that cut samples and headers never mix.
class SpeechToTextConversation {
 public:
  struct Output {
    int channel;         // from 0
    int source_channel;  // AudioDescription::channel of its track
    int utterance_number;
    double pushed_s;  // of the channel
    fastctc::StreamResult result;
  };
  using Outputs = std::vector<Output>;

  SpeechToTextConversation(const SpeechToTextModel& model, const SpeechToTextOptions& options)
      : model_(model), options_(options) {}

  // All below raise fastctc::AudioError on audio that can't be used, or that is described in two ways.
  void push(const char* bytes, std::size_t n_bytes, const AudioDescription& about) {
    Track& track = find_track(about);
    track.has_ended = false;
    if (track.is_ignored) return;
    if (!track.bytes) track.bytes.reset(new SpeechToTextBytes(options_.audio_format, n_raw_channels(about)));
    std::vector<float> samples;
    track.bytes->push(bytes, n_bytes, samples);
    recognise(track, about, samples);
  }
  // A recording of the track begins, with a header of its own.
  void begin_recording(const AudioDescription& about) { find_track(about).bytes.reset(); }
  // It ended.
  void finish_recording(const AudioDescription& about) { finish_bytes(find_track(about), about); }
  // A piece that is not recognised: what comes after an error. Its track is there until it ends.
  void skip(const AudioDescription& about) { tracks_[about.source_channel()].has_ended = false; }
  // The track has no more audio, unless more comes. Whether that is so of all tracks.
  bool end_track(const AudioDescription& about) {
    const auto found = tracks_.find(about.source_channel());
    if (found != tracks_.end()) found->second.has_ended = true;
    for (const auto& entry : tracks_) {
      if (!entry.second.has_ended) return false;
    }
    return true;
  }
  // No more audio. Results of what is good are there even if this raises.
  void finish() {
    std::string message;
    bool is_heard = tracks_.empty();
    for (auto& entry : tracks_) {
      AudioDescription about;
      about.channel = entry.first;
      attempt_for(message, [&] { finish_bytes(entry.second, about); });
      is_heard = is_heard || !entry.second.is_ignored;
    }
    attempt_for(message, [&] { finish_channels(); });
    if (message.empty() && !is_heard) message = no_channel("no tuple of the conversation has it");
    if (!message.empty()) throw fastctc::AudioError(message);
  }
  // The audio stops here, for an error: what came before is recognised.
  void abandon() {
    for (auto& entry : tracks_) entry.second.bytes.reset();
  }
  void finish_channels() {
    std::string message;
    for (auto& entry : tracks_) {
      for (auto& channel : entry.second.channels) attempt_for(message, [&] { channel->finish(); });
    }
    if (!message.empty()) throw fastctc::AudioError(message);
  }

  void collect(Outputs& outputs) {
    std::string message;
    for (auto& entry : tracks_) {
      for (std::size_t i = 0; i < entry.second.channels.size(); ++i) {
        SpeechToTextChannel& channel = *entry.second.channels[i];
        SpeechToTextChannel::Results results;
        attempt_for(message, [&] { channel.collect(results); });
        for (fastctc::StreamResult& result : results) {
          const int number = channel.n_utterances() + 1;
          if (result.is_final && says_something(result)) channel.count_utterance();
          outputs.push_back(
              {channel_number(entry.first, i), entry.first, number, channel.pushed_s(), std::move(result)});
        }
      }
    }
    if (!message.empty()) throw fastctc::AudioError(message);
  }

  bool is_ready() const {
    return any([](const SpeechToTextChannel& channel) { return channel.is_ready(); });
  }
  bool is_behind() const {
    return any([](const SpeechToTextChannel& channel) { return channel.is_behind(); });
  }
  // Seconds of audio since the last call, of all channels together as they run side by side.
  double take_audio_s() {
    const double audio_s = audio_s_;
    audio_s_ = 0;
    return audio_s;
  }
  // Whether it is a tuple: an empty text is none, but as the whole transcript.
  bool says_something(const fastctc::StreamResult& result) const {
    return !result.transcript.text.empty() || options_.result_mode == ResultMode::complete;
  }

  void save(StateWriter& writer) const {
    writer.integer(static_cast<std::int64_t>(tracks_.size()));
    for (const auto& entry : tracks_) {
      const Track& track = entry.second;
      writer.integer(entry.first);
      writer.integer(track.has_ended);
      writer.integer(track.is_ignored);
      writer.integer(track.bytes != nullptr);
      if (track.bytes) {
        writer.integer(track.bytes->n_raw_channels());
        track.bytes->save(writer);
      }
      writer.integer(static_cast<std::int64_t>(track.channels.size()));
      writer.integer(track.n_channels);
      writer.integer(track.sample_rate_hz);
      for (const auto& channel : track.channels) channel->save(writer);
    }
  }
  // Into a new one.
  void restore(StateReader& reader) {
    for (std::size_t n = reader.length(1); n > 0; --n) {
      const int source_channel = static_cast<int>(reader.integer());
      Track& track = tracks_[source_channel];
      track.has_ended = reader.integer() != 0;
      track.is_ignored = reader.integer() != 0;
      if (reader.integer() != 0) {
        const int n_raw_channels = static_cast<int>(reader.integer());
        if (n_raw_channels < 1) StateReader::broken();
        track.bytes.reset(new SpeechToTextBytes(options_.audio_format, n_raw_channels));
        track.bytes->restore(reader);
      }
      const std::size_t n_channels = reader.length(1);
      const int n_channels_of_audio = static_cast<int>(reader.integer());
      const int rate_hz = static_cast<int>(reader.integer());
      if (n_channels > 0) open_channels(track, source_channel, n_channels_of_audio, rate_hz);
      if (track.channels.size() != n_channels) StateReader::broken();
      for (auto& channel : track.channels) channel->restore(reader);
    }
    audio_s_ = 0;
  }

 private:
  struct Track {
    bool has_ended = false;
    bool is_ignored = false;                   // another channel is the one that is asked for
    std::unique_ptr<SpeechToTextBytes> bytes;  // of the recording that is being pushed
    int n_channels = 0;                        // of the audio; 0: not known yet
    int sample_rate_hz = 0;
    std::vector<std::unique_ptr<SpeechToTextChannel>> channels;
  };

  // The first message stays.
  template <class Step>
  static void attempt_for(std::string& message, const Step& step) {
    const std::string own = attempt(step);
    if (message.empty()) message = own;
  }
  template <class Condition>
  bool any(const Condition& condition) const {
    for (const auto& entry : tracks_) {
      for (const auto& channel : entry.second.channels) {
        if (condition(*channel)) return true;
      }
    }
    return false;
  }

  Track& find_track(const AudioDescription& about) {
    check(about);
    const int source_channel = about.source_channel();
    const auto found = tracks_.find(source_channel);
    if (found != tracks_.end()) return found->second;
    if (!tracks_.empty() && (source_channel < 0 || tracks_.begin()->first < 0)) {
      throw fastctc::AudioError(
          "Some tuples say which channel their audio is (attribute channel), others of the same conversation don't. "
          "Let all do, or none.");
    }
    Track& track = tracks_[source_channel];
    track.is_ignored = source_channel >= 0 && options_.channel >= 0 && options_.channel != source_channel;
    return track;
  }

  bool is_raw() const { return options_.audio_format != AudioFormat::wav; }
  // What is said of a piece, among itself and beside the parameters.
  void check(const AudioDescription& about) const {
    if (about.channel >= 0 && about.n_channels > 1) {
      throw fastctc::AudioError("The tuple says that its audio is channel " + std::to_string(about.channel) +
                                " and that it holds " + std::to_string(about.n_channels) +
                                " interleaved channels. Interleaved audio has -1 in its attribute channel.");
    }
    if (!is_raw()) return;
    const int n_channels = about.channel >= 0 ? 1 : about.n_channels;
    if (options_.n_channels > 0 && n_channels > 0 && n_channels != options_.n_channels) {
      throw contradiction("channels", n_channels, options_.n_channels);
    }
    if (options_.sample_rate_hz > 0 && about.sample_rate_hz > 0 && about.sample_rate_hz != options_.sample_rate_hz) {
      throw contradiction("sampleRate", about.sample_rate_hz, options_.sample_rate_hz);
    }
  }
  static fastctc::AudioError contradiction(const std::string& name, int said, int parameter) {
    return fastctc::AudioError("The tuple says " + name + " " + std::to_string(said) + ", the parameter " + name +
                               " is " + std::to_string(parameter) +
                               ". Leave the parameter out, or correct one of them.");
  }
  fastctc::AudioError differs(const std::string& name, int before, int now) const {
    return fastctc::AudioError("The audio of a conversation must not change: its " + name + " was " +
                               std::to_string(before) + " and is now " + std::to_string(now) + ".");
  }
  std::string no_channel(const std::string& why) const {
    return "There is no channel " + std::to_string(options_.channel) + " (parameter channel, counted from 0): " + why +
           ".";
  }
  int n_raw_channels(const AudioDescription& about) const {
    if (about.channel >= 0) return 1;
    return options_.n_channels > 0 ? options_.n_channels : about.n_channels > 0 ? about.n_channels : 1;
  }

  void finish_bytes(Track& track, const AudioDescription& about) {
    if (!track.bytes) return;
    std::vector<float> samples;
    std::string message;
    attempt_for(message, [&] { track.bytes->finish(samples); });
    attempt_for(message, [&] { recognise(track, about, samples); });
    track.bytes.reset();
    if (!message.empty()) throw fastctc::AudioError(message);
  }

  void recognise(Track& track, const AudioDescription& about, const std::vector<float>& samples) {
    if (!track.bytes->has_format()) return;
    const fastctc::SampleFormat& format = track.bytes->format();
    if (!is_raw()) check_header(format, about);
    open_channels(track, about.channel, format.n_channels, rate_of(track, format, about));
    if (is_raw() && about.n_channels > 0 && about.n_channels != track.n_channels) {
      throw differs("number of channels", track.n_channels, about.n_channels);
    }
    const std::vector<std::vector<float>> channels = fastctc::deinterleave(samples, track.n_channels);
    audio_s_ += static_cast<double>(channels[0].size()) / track.sample_rate_hz;
    for (std::size_t i = 0; i < track.channels.size(); ++i) {
      const bool is_each = options_.channel < 0 || about.channel >= 0;
      track.channels[i]->push(channels[is_each ? i : static_cast<std::size_t>(options_.channel)]);
    }
  }
  int rate_of(const Track& track, const fastctc::SampleFormat& format, const AudioDescription& about) const {
    if (!is_raw()) return format.sample_rate_hz;
    if (options_.sample_rate_hz > 0) return options_.sample_rate_hz;
    if (about.sample_rate_hz > 0) return about.sample_rate_hz;
    return track.sample_rate_hz > 0 ? track.sample_rate_hz : model_.recognizer.sample_rate_hz();
  }
  static void check_header(const fastctc::SampleFormat& format, const AudioDescription& about) {
    const std::string header = "The header of the WAV file says ";
    if (about.channel >= 0 && format.n_channels > 1) {
      throw fastctc::AudioError(header + std::to_string(format.n_channels) +
                                " channels, the tuple that it is channel " + std::to_string(about.channel) + " alone.");
    }
    if (about.n_channels > 0 && about.n_channels != format.n_channels) {
      throw fastctc::AudioError(header + std::to_string(format.n_channels) + " channels, the tuple " +
                                std::to_string(about.n_channels) + " (attribute channels).");
    }
    if (about.sample_rate_hz > 0 && about.sample_rate_hz != format.sample_rate_hz) {
      throw fastctc::AudioError(header + std::to_string(format.sample_rate_hz) + " samples per second, the tuple " +
                                std::to_string(about.sample_rate_hz) + " (attribute sampleRate).");
    }
  }

  void open_channels(Track& track, int source_channel, int n_channels, int rate_hz) {
    if (track.n_channels > 0) {
      if (n_channels != track.n_channels) throw differs("number of channels", track.n_channels, n_channels);
      if (rate_hz != track.sample_rate_hz) throw differs("rate in samples per second", track.sample_rate_hz, rate_hz);
      return;
    }
    if (source_channel < 0 && options_.channel >= n_channels) {
      throw fastctc::AudioError(no_channel("the audio has " + std::to_string(n_channels)));
    }
    track.n_channels = n_channels;
    track.sample_rate_hz = rate_hz;
    const int n = options_.channel < 0 ? n_channels : 1;
    for (int i = 0; i < n; ++i) {
      track.channels.push_back(
          std::unique_ptr<SpeechToTextChannel>(new SpeechToTextChannel(model_, options_, rate_hz)));
    }
  }
  int channel_number(int source_channel, std::size_t index) const {
    if (source_channel >= 0) return source_channel;
    return options_.channel < 0 ? static_cast<int>(index) : options_.channel;
  }

  const SpeechToTextModel& model_;
  const SpeechToTextOptions& options_;
  std::map<int, Track> tracks_;  // by AudioDescription::channel
  double audio_s_ = 0;
};

}  // namespace speech_to_text
