// Bytes of one encoding to samples.
#pragma once

#include <cstddef>
#include <vector>

#include "fastctc/sample_reader.h"

namespace fastctc {

std::size_t bytes_of(SampleEncoding encoding);
// Appends n_values values to `samples`; bytes[n_values * bytes_of(encoding)].
void convert(SampleEncoding encoding, const unsigned char* bytes, std::size_t n_values, std::vector<float>& samples);

}  // namespace fastctc
