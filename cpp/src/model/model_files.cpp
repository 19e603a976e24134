#include "model/model_files.h"

#include <algorithm>
#include <system_error>

#include "fastctc/error.h"

namespace fastctc {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestName = 4096;

// Whether a path, both canonical, lies below a directory.
bool is_below(const fs::path& path, const fs::path& directory) {
  const auto ends = std::mismatch(directory.begin(), directory.end(), path.begin(), path.end());
  return ends.first == directory.end() && ends.second != path.end();
}

// The blobs of the Hugging Face cache that a canonical directory is a snapshot of; empty: it is none.
fs::path blobs_of(const fs::path& directory) {
  for (fs::path at = directory; at.has_relative_path(); at = at.parent_path()) {
    if (at.parent_path().filename() == "snapshots") return at.parent_path().parent_path() / "blobs";
  }
  return {};
}

bool leaves(const fs::path& relative) {
  return relative.is_absolute() || relative.has_root_name() || relative.has_root_directory() ||
         std::find(relative.begin(), relative.end(), fs::path("..")) != relative.end();
}

void check_links(const fs::path& directory, const fs::path& path, const std::string& what) {
  std::error_code error;
  const fs::path real_directory = fs::canonical(directory, error);
  const fs::path real = error ? fs::path() : fs::canonical(path, error);
  if (error) throw ModelError(what + " can't be followed: " + error.message() + ".");
  const fs::path blobs = blobs_of(real_directory);
  if (is_below(real, real_directory) || (!blobs.empty() && is_below(real, blobs))) return;
  throw ModelError(what + " is a link to " + real.u8string() + ", outside the model directory " + directory.u8string() +
                   ". If that is the file you want, copy it into the directory.");
}

}  // namespace

fs::path file_inside(const fs::path& directory, const std::string& name, const std::string& source, bool follow_links) {
  const fs::path relative = fs::u8path(name);
  const bool readable = name.size() <= kLongestName && name.find('\0') == std::string::npos;
  if (name.empty() || !readable || leaves(relative)) {
    throw ModelError("The " + source + " names the file '" + (readable ? name : name.substr(0, name.find('\0'))) +
                     "', which is not inside the model directory " + directory.u8string() +
                     ". Names are relative and stay in the directory.");
  }
  fs::path path = directory / relative;
  const std::string what = "The file " + path.u8string() + ", which the " + source + " names,";
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    throw ModelNotFoundError("The " + source + " names the file " + path.u8string() + ", which is not there.");
  }
  if (status.type() != fs::file_type::regular) {
    throw ModelError(what + (status.type() == fs::file_type::directory ? " is a directory." : " is no regular file."));
  }
  if (!follow_links) check_links(directory, path, what);
  return path;
}

fs::path usual_file_inside(const fs::path& directory, const std::string& name) {
  std::error_code error;
  if (!fs::exists(directory / fs::u8path(name), error)) return {};
  return file_inside(directory, name, "directory", false);
}

}  // namespace fastctc
