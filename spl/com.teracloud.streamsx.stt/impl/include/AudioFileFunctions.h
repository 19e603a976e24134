// The native functions of native.function/function.xml: SPL types around AudioFile.h.
#pragma once

#include <SPL/Runtime/Type/SPLType.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "AudioFile.h"

namespace com {
namespace teracloud {
namespace streamsx {
namespace stt {
namespace functions {

// Open files by handle: SPL has no type that could hold one.
class AudioFiles {
 public:
  static AudioFiles& instance() {
    static AudioFiles files;
    return files;
  }
  SPL::int64 add(std::shared_ptr<AudioFile> file) {
    const std::lock_guard<std::mutex> lock(mutex_);
    files_[++last_] = std::move(file);
    return last_;
  }
  std::shared_ptr<AudioFile> find(SPL::int64 handle) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = files_.find(handle);
    return found == files_.end() ? nullptr : found->second;
  }
  void remove(SPL::int64 handle) {
    const std::lock_guard<std::mutex> lock(mutex_);
    files_.erase(handle);
  }

 private:
  std::mutex mutex_;
  std::map<SPL::int64, std::shared_ptr<AudioFile>> files_;
  SPL::int64 last_ = 0;
};

inline SPL::blob to_blob(const std::string& bytes) {
  return SPL::blob(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

// 0 on failure; `message` then says why.
inline SPL::int64 openAudioFile(const SPL::rstring& path, const SPL::int32& sampleRate, SPL::int32& channels,
                                SPL::int32& rate, SPL::rstring& message) {
  try {
    auto file = std::make_shared<AudioFile>(path, sampleRate);
    channels = static_cast<SPL::int32>(file->n_channels());
    rate = file->sample_rate_hz();
    message = SPL::rstring();
    return AudioFiles::instance().add(std::move(file));
  } catch (const std::exception& error) {
    message = SPL::rstring(error.what());
    return 0;
  }
}

// The next samples, a blob for each channel that `mode` leaves. False at the end, and on failure.
inline SPL::boolean readAudioFile(const SPL::int64& handle, const SPL::int32& samples, const SPL::rstring& mode,
                                  SPL::list<SPL::blob>& chunks, SPL::rstring& message) {
  chunks.clear();
  message = SPL::rstring();
  const std::shared_ptr<AudioFile> file = AudioFiles::instance().find(handle);
  if (!file || samples < 1) {
    message = SPL::rstring("readAudioFile takes a handle that openAudioFile gave, and 1 sample or more.");
    return false;
  }
  try {
    const ChannelMode how = channel_mode(mode);
    std::vector<std::vector<float>> channels;
    if (!file->next(static_cast<std::size_t>(samples), channels)) return false;
    for (const std::vector<float>& channel : arrange(channels, how)) chunks.push_back(to_blob(to_pcm16(channel)));
    return true;
  } catch (const std::exception& error) {
    message = SPL::rstring(error.what());
    return false;
  }
}

inline void closeAudioFile(const SPL::int64& handle) { AudioFiles::instance().remove(handle); }

// The channels of interleaved 16-bit samples; `rest` keeps what is no whole frame for the next call.
inline SPL::list<SPL::blob> splitChannels(const SPL::blob& audio, const SPL::int32& channels, SPL::blob& rest) {
  SPL::list<SPL::blob> split;
  if (channels < 1) return split;
  std::string kept(reinterpret_cast<const char*>(rest.getData()), rest.getSize());
  const std::string bytes(reinterpret_cast<const char*>(audio.getData()), audio.getSize());
  for (const std::string& channel : split_pcm16(bytes, static_cast<std::size_t>(channels), kept)) {
    split.push_back(to_blob(channel));
  }
  rest = to_blob(kept);
  return split;
}

inline SPL::blob noAudio() { return SPL::blob(); }

}  // namespace functions
}  // namespace stt
}  // namespace streamsx
}  // namespace teracloud
}  // namespace com
