// Lines of a text file, numbered for messages.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_source.h"

namespace fastctc {

class TextLines {
 public:
  // `what` names the file in messages. A byte order mark of UTF-8 is dropped; one of UTF-16 or UTF-32 is a ModelError.
  TextLines(std::unique_ptr<ByteSource> source, std::string what);

  // The next line without its line end (LF or CRLF), valid until the next call; false at the end of the file. Raises
  // ModelError on a line of more than a mebibyte, a NUL byte, text that is not UTF-8.
  bool next(std::string_view* line);
  std::size_t number() const { return number_; }  // of the line that next() gave, from 1
  double progress() const { return source_->progress(); }

  // Raises ModelError that names file and line.
  [[noreturn]] void fail(const std::string& message) const { fail(number_, message); }
  [[noreturn]] void fail(std::size_t line, const std::string& message) const;
  const std::string& what() const { return what_; }

 private:
  void require_utf8(std::string_view text) const;
  bool refill();

  std::unique_ptr<ByteSource> source_;
  std::string what_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what is not given out yet
  std::size_t end_ = 0;
  std::size_t number_ = 0;
  bool at_end_ = false;
  bool is_ascii_ = true;  // all that was read
};

// Text cut at runs of blanks and tabs.
class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}
  // The next field; empty at the end.
  std::string_view next() {
    std::size_t begin = 0;
    while (begin < rest_.size() && is_blank(rest_[begin])) ++begin;
    std::size_t end = begin;
    while (end < rest_.size() && !is_blank(rest_[end])) ++end;
    const std::string_view field = rest_.substr(begin, end - begin);
    rest_.remove_prefix(end);
    return field;
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t'; }
  std::string_view rest_;
};

// What a message may quote of a line: short, and UTF-8 without control characters whatever the line holds.
std::string quote(std::string_view text);

}  // namespace fastctc
