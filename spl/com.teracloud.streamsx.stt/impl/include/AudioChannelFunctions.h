// The native functions of native.function/function.xml: SPL types around AudioFile.h.
#pragma once

#include <SPL/Runtime/Type/SPLType.h>

#include <string>

#include "AudioFile.h"

namespace speech_to_text {
namespace functions {

inline SPL::blob to_blob(const std::string& bytes) {
  return SPL::blob(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

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
}  // namespace speech_to_text
