#include "base/text_lines.h"

#include <cstring>
#include <utility>

#include "base/utf8.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 18;
constexpr std::size_t kLongestLineBytes = std::size_t{1} << 20;
constexpr std::size_t kLongestQuoteBytes = 60;

bool is_ascii(std::string_view text) {
  unsigned char bits = 0;
  for (const char c : text) bits = static_cast<unsigned char>(bits | static_cast<unsigned char>(c));
  return bits < 0x80;
}

bool starts_with(const char* bytes, std::size_t n_bytes, const char* prefix, std::size_t n) {
  return n_bytes >= n && std::memcmp(bytes, prefix, n) == 0;
}

}  // namespace

TextLines::TextLines(std::unique_ptr<ByteSource> source, std::string what)
    : source_(std::move(source)), what_(std::move(what)), buffer_(kBlockBytes) {
  refill();
  const char* bytes = buffer_.data();
  if (starts_with(bytes, end_, "\xFF\xFE", 2) || starts_with(bytes, end_, "\xFE\xFF", 2)) {
    throw ModelError(what_ + " is UTF-16. Save it as UTF-8.");
  }
  if (starts_with(bytes, end_, "\xEF\xBB\xBF", 3)) begin_ = 3;
}

// Makes room, moving what is left to the front, and reads on. False when nothing more came.
bool TextLines::refill() {
  if (at_end_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(2 * buffer_.size());
  const std::size_t n_read = source_->read(buffer_.data() + end_, buffer_.size() - end_);
  at_end_ = n_read == 0;
  is_ascii_ = is_ascii_ && is_ascii({buffer_.data() + end_, n_read});
  end_ += n_read;
  return n_read > 0;
}

bool TextLines::next(std::string_view* line) {
  std::size_t n_seen = 0;  // bytes of the line that hold no line end
  const char* line_end = nullptr;
  while (!line_end) {
    if (end_ > begin_ + n_seen) {
      line_end = static_cast<const char*>(std::memchr(buffer_.data() + begin_ + n_seen, '\n', end_ - begin_ - n_seen));
    }
    if (line_end) break;
    n_seen = end_ - begin_;
    if (n_seen > kLongestLineBytes) fail(number_ + 1, "the line is longer than a mebibyte. Check the file.");
    if (!refill()) break;
  }
  if (!line_end && n_seen == 0) return false;
  const char* first = buffer_.data() + begin_;
  std::size_t n_bytes = line_end ? static_cast<std::size_t>(line_end - first) : n_seen;
  begin_ += n_bytes + (line_end ? 1 : 0);
  ++number_;
  if (n_bytes > 0 && std::memchr(first, 0, n_bytes)) fail("a NUL byte. This is no UTF-8 text; save it as UTF-8.");
  if (n_bytes > 0 && first[n_bytes - 1] == '\r') --n_bytes;
  *line = std::string_view(first, n_bytes);
  require_utf8(*line);
  return true;
}

void TextLines::fail(std::size_t line, const std::string& message) const {
  throw ModelError(what_ + ", line " + std::to_string(line) + ": " + message);
}

void TextLines::require_utf8(std::string_view text) const {
  if (is_ascii_ || is_ascii(text)) return;
  if (find_invalid_utf8(std::string(text)) < text.size()) {
    fail("'" + quote(text) + "' is not UTF-8. Save the file as UTF-8.");
  }
}

std::string quote(std::string_view text) {
  const std::string all(text);
  std::string shown;
  std::size_t position = 0;
  while (position < all.size() && shown.size() < kLongestQuoteBytes) {
    const std::size_t n_bytes = character_bytes(all, position);
    const bool is_control = n_bytes == 1 && (static_cast<unsigned char>(all[position]) < 0x20 || all[position] == 0x7F);
    if (n_bytes == 0 || is_control) {
      static const char kDigits[] = "0123456789abcdef";
      const unsigned value = static_cast<unsigned char>(all[position]);
      shown += {'\\', 'x', kDigits[value / 16], kDigits[value % 16]};
    } else {
      shown.append(all, position, n_bytes);
    }
    position += n_bytes == 0 ? 1 : n_bytes;
  }
  return position < all.size() ? shown + "..." : shown;
}

}  // namespace fastctc
