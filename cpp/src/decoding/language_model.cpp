#include "fastctc/language_model.h"

#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/byte_source.h"
#include "base/file.h"
#include "base/mapped_file.h"
#include "decoding/arpa.h"
#include "decoding/language_model_image.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

namespace fs = std::filesystem;

constexpr char kKenLm[] = "mmap lm http://kheafield.com/code";

// The first bytes of a file; fewer where it is shorter, none where it is a pipe, which can be read once only.
std::string first_bytes(const std::string& path, const std::string& what) {
  std::error_code error;
  if (!fs::is_regular_file(fs::u8path(path), error)) return {};
  std::string bytes(64, '\0');
  bytes.resize(std::fread(&bytes[0], 1, bytes.size(), open_file(path, what).get()));
  return bytes;
}

}  // namespace

struct LanguageModel::Impl {
  std::vector<char> built;             // from ARPA
  std::unique_ptr<MappedFile> mapped;  // or on disk
  ImageView view;
};

LanguageModel::LanguageModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LanguageModel::~LanguageModel() = default;

std::shared_ptr<const LanguageModel> LanguageModel::read(const std::string& path,
                                                         const std::function<void(double)>& progress) {
  const std::string what = "Language model '" + path + "'";
  const std::string head = first_bytes(path, what);
  if (head.compare(0, sizeof(kKenLm) - 1, kKenLm) == 0) {
    throw ModelError(what + " is in KenLM's binary form, which only KenLM reads. Build fastctc's own from the ARPA " +
                     "file that it was made of: fastctc lm build MODEL.arpa OUT.");
  }
  auto impl = std::make_unique<Impl>();
  if (is_image(head.data(), head.size())) {
    impl->mapped = std::make_unique<MappedFile>(path, what);
    impl->view = view_image(impl->mapped->data(), impl->mapped->size(), what);
  } else {
    TextLines lines(open_bytes(path, what), what);
    impl->built = make_image(read_arpa(lines, progress));
    impl->view = view_image(impl->built.data(), impl->built.size(), what);
  }
  return std::shared_ptr<const LanguageModel>(new LanguageModel(std::move(impl)));
}

void LanguageModel::write(const std::string& path) const {
  const std::string failure = "Language model '" + path + "' can't be written: ";
  const fs::path target = fs::u8path(path);
  std::error_code ignored;
  if (path.empty() || path.find('\0') != std::string::npos || fs::is_directory(target, ignored)) {
    throw ModelError(failure + "give the path of a file.");
  }
  try {
    write_durably(target, {{reinterpret_cast<const char*>(impl_->view.header), n_bytes()}});
  } catch (const fs::filesystem_error& error) {
    throw ModelError(failure + error.code().message() + ". Check that its directory is there and has room.");
  }
}

std::size_t LanguageModel::order() const { return static_cast<std::size_t>(impl_->view.header->order); }

std::size_t LanguageModel::n_words() const { return impl_->view.words.n_words; }

std::size_t LanguageModel::n_grams(std::size_t n) const {
  return n >= 1 && n <= order() ? static_cast<std::size_t>(impl_->view.n_grams[n - 1]) : 0;
}

std::size_t LanguageModel::n_states() const { return static_cast<std::size_t>(impl_->view.header->n_nodes); }

std::size_t LanguageModel::n_bytes() const { return static_cast<std::size_t>(impl_->view.header->n_bytes); }

LanguageModel::WordId LanguageModel::find(const char* word, std::size_t n_bytes) const {
  const std::uint32_t id = impl_->view.words.find(std::string_view(word, n_bytes));
  return id == kEmptySlot ? kUnknown : id;
}

std::string LanguageModel::word(WordId id) const {
  if (id >= n_words()) {
    throw OptionError("Word id " + std::to_string(id) + " is not in the language model, whose ids run from 0 to " +
                      std::to_string(n_words() - 1) + ".");
  }
  return std::string(impl_->view.words.word(id));
}

LanguageModel::State LanguageModel::start() const { return impl_->view.header->start; }

LanguageModel::State LanguageModel::empty() const { return 0; }

float LanguageModel::score(State state, WordId word, State* next) const {
  return fastctc::score(impl_->view, state, word < impl_->view.words.n_words ? word : kUnknown, next);
}

float LanguageModel::score_end(State state) const {
  State next = 0;
  return score(state, impl_->view.header->end_word, &next);
}

}  // namespace fastctc
