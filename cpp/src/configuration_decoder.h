// DecoderOptions from JSON.
#pragma once

#include <string>

#include "fastctc/options.h"
#include "fastctc/vocabulary.h"
#include "options/json_object.h"

namespace fastctc {

// `options` with what the object names. prefix: of its fields' names in messages, as "decoder."
DecoderOptions decoder_options(DecoderOptions options, const Json& json, const std::string& prefix,
                               const Vocabulary& vocabulary);

}  // namespace fastctc
