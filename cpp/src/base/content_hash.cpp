#include "base/content_hash.h"

#include <cinttypes>
#include <cstdint>
#include <cstdio>

#define XXH_INLINE_ALL  // the header is all there is
#include <xxhash.h>

namespace fastctc {

std::string content_hash(const std::vector<std::string_view>& parts) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  for (const std::string_view bytes : parts) {
    const std::uint64_t n_bytes = bytes.size();
    XXH3_128bits_update(&state, bytes.data(), bytes.size());
    XXH3_128bits_update(&state, &n_bytes, sizeof n_bytes);
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  char text[33];
  std::snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64, hash.high64, hash.low64);
  return text;
}

}  // namespace fastctc
