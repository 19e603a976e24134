// Where files lie that an application names. C++11, the standard library.
#pragma once

#include <string>

namespace speech_to_text {

// A relative path is resolved against the data directory of the processing element; none stays none. The directory is
// asked for where it is needed alone: without one the runtime raises.
template <class ProcessingElement>
std::string in_data_directory(const std::string& path, ProcessingElement& element) {
  return path.empty() || path[0] == '/' ? path : std::string(element.getDataDirectory()) + "/" + path;
}

}  // namespace speech_to_text
