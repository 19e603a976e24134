// Any bytes as fastctc.json, as onnx-asr's config.json, and as options in JSON: values, or an error with a name.
#include <cstdint>
#include <string>

#include "fastctc/configuration.h"
#include "fastctc/error.h"
#include "model/manifest.h"

namespace {

template <class Error, class Work>
void expect(Work work) {
  try {
    work();
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fastctc::Vocabulary vocabulary({"a", "b", "<blk>"});
  const std::string text(reinterpret_cast<const char*>(data), size);
  expect<fastctc::ModelError>([&] { fastctc::parse_manifest(text, "fastctc.json"); });
  expect<fastctc::ModelError>([&] { fastctc::parse_onnx_asr_config(text, "config.json"); });
  expect<fastctc::OptionError>([&] {
    fastctc::LoadOptions options;
    fastctc::set_options(options, text);
  });
  expect<fastctc::Error>([&] {  // a path that is named is no file
    fastctc::StreamOptions options;
    fastctc::set_options(options, text, vocabulary);
  });
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) return 0;
  expect<fastctc::OptionError>([&] { fastctc::option_json(text.substr(0, equals), text.substr(equals + 1)); });
  return 0;
}
