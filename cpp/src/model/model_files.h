// Which files a model may be made of: those of its own directory. Whoever made the directory may be a stranger.
#pragma once

#include <filesystem>
#include <string>

namespace fastctc {

// The path of a file that something in a model directory names: relative, a regular file, and in the directory after
// all links are followed. A link may also lead into the blobs of the Hugging Face cache that the directory is a
// snapshot of (<repository>/snapshots/<revision>/ and <repository>/blobs/), which is how that cache is laid out.
//   source: who names it, for messages ("manifest fastctc.json").
//   follow_links: false for what a stranger names; true for the caller's own word, which may lead anywhere.
// Raises ModelNotFoundError where it is not there, ModelError where it is something else or somewhere else.
std::filesystem::path file_inside(const std::filesystem::path& directory, const std::string& name,
                                  const std::string& source, bool follow_links);

// The same for a file with a usual name, which need not be there. Empty: it is not.
std::filesystem::path usual_file_inside(const std::filesystem::path& directory, const std::string& name);

}  // namespace fastctc
