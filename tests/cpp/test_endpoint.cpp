#include <doctest/doctest.h>

#include <cstddef>
#include <limits>

#include "fastctc/endpoint.h"
#include "fastctc/error.h"

using namespace fastctc;

namespace {

constexpr double kFrameS = 0.08;

EndpointOptions options(double after_speech_s, double without_speech_s, double max_length_s) {
  EndpointOptions options;
  options.silence_after_speech_s = after_speech_s;
  options.silence_without_speech_s = without_speech_s;
  options.max_length_s = max_length_s;
  return options;
}

// Frames until a rule fires for a segment that starts at `start`, whose only token ends at `token_end` (0: none).
std::size_t frames_until(const Endpointer& endpointer, EndpointCause cause, std::size_t start, std::size_t token_end) {
  for (std::size_t n_frames = start; n_frames < start + 10000; ++n_frames) {
    const bool has_token = token_end > 0 && token_end <= n_frames;
    const EndpointCause found = endpointer.test(n_frames, start, has_token, token_end);
    if (found == EndpointCause::none) continue;
    CHECK(found == cause);
    return n_frames - start;
  }
  FAIL("no rule fired");
  return 0;
}

}  // namespace

TEST_CASE("each rule fires with the first frame that is no earlier than its time") {
  const Endpointer kaldi(EndpointOptions(), kFrameS);
  CHECK(frames_until(kaldi, EndpointCause::no_speech, 0, 0) == 30);     // 2.4 s
  CHECK(frames_until(kaldi, EndpointCause::no_speech, 1000, 0) == 30);  // counted from the segment's start
  CHECK(frames_until(kaldi, EndpointCause::silence, 0, 10) == 25);      // 10 + 1.2 s
  CHECK(frames_until(kaldi, EndpointCause::silence, 500, 510) == 25);   // from the end of the token
  CHECK(frames_until(kaldi, EndpointCause::silence, 0, 29) == 44);      // a late token stops the first rule
  CHECK(frames_until(Endpointer(options(0, 0, 20), kFrameS), EndpointCause::max_length, 7, 9) == 250);
  CHECK(frames_until(Endpointer(options(0, 0, 20), kFrameS), EndpointCause::max_length, 7, 0) == 250);
  CHECK(frames_until(Endpointer(options(0, 0, 1.0), kFrameS), EndpointCause::max_length, 0, 0) == 13);  // 1.04 s
}

TEST_CASE("a whole number of frames does not miss its rule by rounding") {
  for (std::size_t n_frames = 1; n_frames < 2000; ++n_frames) {
    const double limit_s = static_cast<double>(n_frames) * 0.01 * 8;
    CHECK(frames_until(Endpointer(options(0, limit_s, 0), kFrameS), EndpointCause::no_speech, 3, 0) == n_frames);
  }
}

TEST_CASE("the first rule that holds fires") {
  const Endpointer endpointer(options(1, 1, 1), kFrameS);
  CHECK(endpointer.test(100, 0, false, 0) == EndpointCause::no_speech);
  CHECK(endpointer.test(100, 0, true, 50) == EndpointCause::silence);
  CHECK(endpointer.test(100, 0, true, 95) == EndpointCause::max_length);
  CHECK(endpointer.test(100, 95, true, 96) == EndpointCause::none);
  CHECK(endpointer.test(100, 95, false, 0) == EndpointCause::none);
}

TEST_CASE("a rule of 0 s or less is off") {
  for (const double off : {0.0, -1.0}) {
    const Endpointer endpointer(options(off, off, off), kFrameS);
    CHECK(endpointer.test(1u << 30, 0, false, 0) == EndpointCause::none);
    CHECK(endpointer.test(1u << 30, 0, true, 5) == EndpointCause::none);
  }
}

TEST_CASE("times must be finite") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH_AS(Endpointer(options(nan, 1, 1), kFrameS), doctest::Contains("silence_after_speech_s"),
                       OptionError);
  CHECK_THROWS_WITH_AS(Endpointer(options(1, infinity, 1), kFrameS), doctest::Contains("silence_without_speech_s"),
                       OptionError);
  CHECK_THROWS_WITH_AS(Endpointer(options(1, 1, nan), kFrameS), doctest::Contains("max_length_s"), OptionError);
  CHECK_THROWS_AS(Endpointer(options(1, 1, 1), 0), OptionError);
  CHECK_THROWS_AS(Endpointer(options(1, 1, 1), nan), OptionError);
}
