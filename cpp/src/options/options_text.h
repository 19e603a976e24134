// Text forms of option values: enumerations by name, numbers that read back exactly.
#pragma once

#include <string>

#include "fastctc/options.h"

namespace fastctc {

// Each pair raises OptionError that names `option` and lists what is allowed.
std::string to_text(Normalize value);
Normalize normalize_from_text(const std::string& option, const std::string& text);

long long integer_from_text(const std::string& option, const std::string& text, long long lowest, long long highest);
double number_from_text(const std::string& option, const std::string& text);
bool flag_from_text(const std::string& option, const std::string& text);
std::string to_text(double value);
std::string to_text(float value);

}  // namespace fastctc
