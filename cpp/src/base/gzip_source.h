// gzip files, unpacked while they are read.
#pragma once

#include <memory>
#include <string>

#include "base/byte_source.h"

namespace fastctc {

// zlib is opened at run time, as ONNX Runtime is: the build needs neither its headers nor its library, and nearly every
// system has it. Raises ModelError where it has not, or the file can't be opened; reading raises ModelError on a file
// that is damaged or cut off. n_bytes: of the packed file, 0 where unknown.
std::unique_ptr<ByteSource> open_gzip(const std::string& path, const std::string& what, double n_bytes);

}  // namespace fastctc
