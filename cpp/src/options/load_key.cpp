#include "options/load_key.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "options/option_table.h"

namespace fastctc {
namespace {

namespace fs = std::filesystem;

// Values that can't run into each other.
class Key {
 public:
  Key& add(const std::string& value) {
    text_ += std::to_string(value.size()) + ':' + value;
    return *this;
  }
  Key& add(long long value) { return add(std::to_string(value)); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// Deeper than this a model has no files.
constexpr int kDeepest = 2;

void add_files(Key& key, const fs::path& directory, int deepest) {
  std::vector<fs::directory_entry> files;
  std::error_code error;
  const auto skip = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator entry(directory, skip, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry.depth() >= deepest) entry.disable_recursion_pending();
    if (entry->is_regular_file(error)) files.push_back(*entry);
  }
  std::sort(files.begin(), files.end());
  for (const fs::directory_entry& file : files) {
    key.add(file.path().u8string()).add(static_cast<long long>(file.file_size(error)));
    key.add(static_cast<long long>(file.last_write_time(error).time_since_epoch().count()));
  }
}

}  // namespace

std::string load_key(const std::string& path, const ModelOptions& model, const SessionOptions& session) {
  std::error_code error;
  const fs::path named = fs::weakly_canonical(fs::u8path(path), error);
  Key key;
  key.add(named.u8string());
  // A single graph may lie anywhere: beside a whole home directory, say.
  if (fs::is_directory(named, error)) {
    add_files(key, named, kDeepest);
  } else {
    add_files(key, named.parent_path(), 0);
  }
  // Not JSON text, which paths that are no UTF-8 can't be.
  for (const Json& values : {values_of(model), values_of(session)}) {
    const std::vector<std::uint8_t> bytes = Json::to_cbor(values);
    key.add(std::string(bytes.begin(), bytes.end()));
  }
  return key.take();
}

}  // namespace fastctc
