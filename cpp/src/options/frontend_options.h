// Normalisation by name, as manifests and NeMo's configurations have it.
#pragma once

#include <string>

#include "fastctc/options.h"

namespace fastctc {

std::string to_text(Normalize value);
// Raises OptionError that calls it `name`.
Normalize normalize_from_text(const std::string& name, const std::string& text);

}  // namespace fastctc
