// Options from JSON whose objects, as language models, come beside it: for the Python module.
#pragma once

#include <string>

#include "fastctc/export.h"
#include "fastctc/options.h"

namespace fastctc {

// As read_fields() of the struct's table.
FASTCTC_API void set_fields(SessionOptions& options, const std::string& json);
FASTCTC_API void set_fields(ModelOptions& options, const std::string& json);
FASTCTC_API void set_fields(ConfidenceOptions& options, const std::string& json);
FASTCTC_API void set_fields(DecoderOptions& options, const std::string& json);
FASTCTC_API void set_fields(VadOptions& options, const std::string& json);
FASTCTC_API void set_fields(StreamOptions& options, const std::string& json);
FASTCTC_API void set_fields(LongFormOptions& options, const std::string& json);

}  // namespace fastctc
