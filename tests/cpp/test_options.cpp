#include <doctest/doctest.h>

#include "fastctc/error.h"
#include "fastctc/options.h"

using namespace fastctc;

TEST_CASE("every front-end option reads back what it writes") {
  for (const char* preset : {"nemo", "nemo_legacy", "kaldi", "waveform"}) {
    FrontendOptions source = frontend_preset(preset);
    source.fixed_mean = {0.1f, -2.5f};
    source.dither = 1e-5;
    FrontendOptions copy;
    for (const auto& entry : list_options(source)) set_option(copy, entry.first, entry.second);
    CHECK(list_options(copy) == list_options(source));
    CHECK(copy.log_guard_value == source.log_guard_value);
    CHECK(copy.fixed_mean == source.fixed_mean);
  }
}

TEST_CASE("a wrong front-end option is named with what is allowed") {
  FrontendOptions options;
  CHECK_THROWS_WITH_AS(set_option(options, "windw", "hann"), doctest::Contains("has no option 'windw'"), OptionError);
  CHECK_THROWS_WITH_AS(set_option(options, "window", "triangle"), doctest::Contains("povey"), OptionError);
  CHECK_THROWS_WITH_AS(set_option(options, "n_mels", "8x"), doctest::Contains("frontend.n_mels"), OptionError);
  CHECK_THROWS_AS(set_option(options, "low_hz", "nan"), OptionError);
  CHECK_THROWS_WITH_AS(frontend_preset("nemu"), doctest::Contains("nemo_legacy"), OptionError);
}
