#include "fastctc/endpoint.h"

#include "fastctc/error.h"
#include "options/option_table.h"

namespace fastctc {
namespace {

// A whole number of frames must not miss its rule by the rounding of frame_s.
constexpr double kRounding = 1e-9;

}  // namespace

Endpointer::Endpointer(const EndpointOptions& options, double frame_s) : options_(options), frame_s_(frame_s) {
  check_fields(options, "endpoint.");
  if (!(frame_s > 0)) throw OptionError("The length of a frame must be positive.");
}

EndpointCause Endpointer::test(std::size_t n_frames, std::size_t start_frame, bool has_token,
                               std::size_t last_token_end_frame) const {
  const auto lasts = [&](std::size_t since_frame, double limit_s) {
    return limit_s > 0 && static_cast<double>(n_frames - since_frame) * frame_s_ >= limit_s - kRounding;
  };
  if (!has_token && lasts(start_frame, options_.silence_without_speech_s)) return EndpointCause::no_speech;
  if (has_token && lasts(last_token_end_frame, options_.silence_after_speech_s)) return EndpointCause::silence;
  if (lasts(start_frame, options_.max_length_s)) return EndpointCause::max_length;
  return EndpointCause::none;
}

}  // namespace fastctc
