#include <doctest/doctest.h>

#include "fastctc/configuration.h"
#include "fastctc/error.h"
#include "fastctc/options.h"
#include "options/load_key.h"
#include "options/option_rows.h"

using namespace fastctc;

namespace {

// An option that is added to a table: every door knows it by its row alone.
struct Added {
  double gain_db = 3;
  bool is_loud = false;
};

}  // namespace

namespace fastctc {

template <>
const OptionTable<Added>& option_table() {
  static const OptionTable<Added> table = {
      option_rows::number("gain_db", &Added::gain_db, "dB", "Gain.", {-20, 20}),
      option_rows::flag("is_loud", &Added::is_loud, "Loud."),
  };
  return table;
}

}  // namespace fastctc

TEST_CASE("a row in the table is all that an option needs") {
  Added options;
  read_fields(options, parse_object(R"({"gain_db": -6, "is_loud": true})"), "added.");  // JSON, and Python's dicts
  CHECK(options.gain_db == -6);
  CHECK(options.is_loud);
  read_fields(options, parse_object(option_json("gain_db", "1.5")), "added.");  // text
  CHECK(options.gain_db == 1.5);
  CHECK(values_of(options) == Json{{"gain_db", 1.5}, {"is_loud", true}});  // the key of equal loads
  CHECK(describe<Added>()[0] == Json{{"name", "gain_db"},
                                     {"type", "number"},
                                     {"unit", "dB"},
                                     {"range", "from -20 to 20"},
                                     {"choices", Json::array()},
                                     {"default", 3.0},
                                     {"says", "Gain."}});
  const char* refused = "Option added.gain_db must be a number from -20 to 20, not 21.";
  CHECK_THROWS_WITH_AS(read_fields(options, Json{{"is_loud", false}, {"gain_db", 21}}, "added."), refused, OptionError);
  CHECK(options.is_loud);  // all or nothing
  CHECK_THROWS_WITH_AS(read_fields(options, Json{{"gain", 1}}, "added."),
                       "There is no option added.gain; there are added.gain_db, added.is_loud.", OptionError);
  options.gain_db = 21;
  CHECK_THROWS_WITH_AS(check_fields(options, "added."), refused, OptionError);
}

namespace {

// Another value than the row's default.
template <class O>
void change(O& options, const OptionRow<O>& row) {
  const Json value = row.get(options);
  Json other = value.is_boolean() ? Json(!value.get<bool>()) : value.is_number() ? Json(1) : Json("x");
  if (row.type == OptionType::pairs) other = Json{{"a", "b"}};
  if (value == other) other = 0;
  row.set(options, other, row.name);
  CHECK(row.get(options) != value);
}

}  // namespace

TEST_CASE("every option of loading is in the key of equal loads") {
  const std::string key = load_key("/nowhere", {}, {});
  CHECK(load_key("/nowhere", {}, {}) == key);
  for (const auto& row : option_table<ModelOptions>()) {
    ModelOptions model;
    change(model, row);
    CHECK_MESSAGE(load_key("/nowhere", model, {}) != key, row.name);
  }
  for (const auto& row : option_table<SessionOptions>()) {
    SessionOptions session;
    change(session, row);
    CHECK_MESSAGE(load_key("/nowhere", {}, session) != key, row.name);
  }
}

TEST_CASE("defaults are in their ranges, and text reads back") {
  CHECK_NOTHROW(validate(FrontendOptions()));
  CHECK_NOTHROW(check_fields(SessionOptions(), "session."));
  CHECK_NOTHROW(check_fields(ModelOptions(), ""));
  CHECK_NOTHROW(check_fields(StreamOptions(), ""));
  CHECK_NOTHROW(validate(LongFormOptions()));
  CHECK_NOTHROW(validate(ConversationOptions()));
  for (const double value : {0.1, 1e-300, 16000.0, 1.0 / 3, -kInfinity, 5.9604644775390625e-08}) {
    CHECK(number_of("x", to_text(value), {-kInfinity, kInfinity}) == value);
  }
  CHECK(to_text(0.1) == "0.1");
}

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
  CHECK_THROWS_WITH_AS(set_option(options, "windw", "hann"),
                       doctest::Contains("no option frontend.windw; there are frontend.kind"), OptionError);
  CHECK_THROWS_WITH_AS(set_option(options, "window", "triangle"), doctest::Contains("povey"), OptionError);
  CHECK_THROWS_WITH_AS(set_option(options, "n_mels", "8x"), doctest::Contains("frontend.n_mels"), OptionError);
  CHECK_THROWS_AS(set_option(options, "low_hz", "nan"), OptionError);
  CHECK_THROWS_WITH_AS(frontend_preset("nemu"), doctest::Contains("nemo_legacy"), OptionError);
}
