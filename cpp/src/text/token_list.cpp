#include "text/token_list.h"

#include <algorithm>
#include <cstddef>
#include <unordered_map>
#include <utility>

#include "base/file.h"
#include "base/utf8.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

constexpr int kLargestIdDigits = 9;                               // what int holds
constexpr std::size_t kLargestFileBytes = std::size_t{64} << 20;  // the largest vocabularies are a few MB

// A line cut into piece and id.
struct Entry {
  std::string piece;
  std::string id;  // digits as written, empty: the line has none
};

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

[[noreturn]] void fail(const std::string& name, std::size_t line, const std::string& what) {
  throw VocabularyError("Token list " + name + ", line " + std::to_string(line) + ": " + what);
}

std::vector<std::string> split_lines(const std::string& bytes) {
  std::vector<std::string> lines;
  std::size_t begin = bytes.compare(0, 3, "\xEF\xBB\xBF") == 0 ? 3 : 0;  // byte order mark
  while (begin < bytes.size()) {
    const std::size_t end = std::min(bytes.find('\n', begin), bytes.size());
    const bool carriage_return = end > begin && bytes[end - 1] == '\r';
    lines.emplace_back(bytes, begin, end - begin - (carriage_return ? 1 : 0));
    begin = end + 1;
  }
  return lines;
}

void check_lines(const std::vector<std::string>& lines, const std::string& name) {
  if (lines.empty()) throw VocabularyError("Token list " + name + " is empty.");
  for (std::size_t index = 0; index < lines.size(); ++index) {
    const std::string& line = lines[index];
    if (line.empty()) fail(name, index + 1, "the line is empty. Each line holds a piece.");
    if (line.find('\0') != std::string::npos) fail(name, index + 1, "a NUL byte. This is no text file.");
    const std::size_t invalid = find_invalid_utf8(line);
    if (invalid < line.size()) {
      fail(name, index + 1, "byte " + std::to_string(invalid + 1) + " is not UTF-8. Save the list as UTF-8.");
    }
  }
}

// `piece id`, cut at the last blank; blanks after the id do not count.
Entry cut(const std::string& line) {
  std::size_t end = line.size();
  while (end > 0 && is_blank(line[end - 1])) --end;
  std::size_t begin = end;
  while (begin > 0 && is_digit(line[begin - 1])) --begin;
  if (begin == end) return {line, ""};
  if (begin > 0 && (line[begin - 1] == '-' || line[begin - 1] == '+')) --begin;
  if (begin == 0 || !is_blank(line[begin - 1])) return {line, ""};
  return {line.substr(0, begin - 1), line.substr(begin, end - begin)};
}

long long id_of(const Entry& entry, std::size_t line, std::size_t n_lines, const std::string& name) {
  const std::string range = " Ids run from 0 to " + std::to_string(n_lines - 1) + ", one for each line.";
  if (entry.id[0] == '-') fail(name, line, "id " + entry.id + " is negative." + range);
  std::size_t begin = entry.id[0] == '+' ? 1 : 0;
  while (begin + 1 < entry.id.size() && entry.id[begin] == '0') ++begin;
  const bool huge = entry.id.size() - begin > kLargestIdDigits;
  const long long id = huge ? 0 : std::stoll(entry.id.substr(begin));
  if (huge || id >= static_cast<long long>(n_lines)) {
    fail(name, line, "id " + entry.id + " is past the end of the list: others are missing." + range);
  }
  return id;
}

// Pieces by their ids. As every id is below the number of lines, ids without duplicates have no gaps.
std::vector<std::string> order(std::vector<Entry> entries, const std::string& name) {
  std::vector<std::size_t> line_of_id(entries.size(), 0);
  std::vector<std::string> pieces(entries.size());
  for (std::size_t index = 0; index < entries.size(); ++index) {
    const long long id = id_of(entries[index], index + 1, entries.size(), name);
    std::size_t& first = line_of_id[static_cast<std::size_t>(id)];
    if (first != 0) {
      fail(name, index + 1, "id " + entries[index].id + " is on line " + std::to_string(first) + " too.");
    }
    first = index + 1;
    pieces[static_cast<std::size_t>(id)] = std::move(entries[index].piece);
  }
  return pieces;
}

void check_pieces(const std::vector<Entry>& entries, const std::string& name) {
  std::unordered_map<std::string, std::size_t> line_of_piece;
  for (std::size_t index = 0; index < entries.size(); ++index) {
    const std::string& piece = entries[index].piece;
    if (piece.empty()) fail(name, index + 1, "no piece in front of the id.");
    const auto inserted = line_of_piece.emplace(piece, index + 1);
    if (!inserted.second) {
      fail(name, index + 1, "piece '" + piece + "' is on line " + std::to_string(inserted.first->second) + " too.");
    }
  }
}

}  // namespace

std::vector<std::string> parse_token_list(const std::string& bytes, const std::string& name) {
  const std::vector<std::string> lines = split_lines(bytes);
  check_lines(lines, name);
  std::vector<Entry> entries;
  entries.reserve(lines.size());
  for (const std::string& line : lines) entries.push_back(cut(line));
  const auto has_id = [](const Entry& entry) { return !entry.id.empty(); };
  const auto with_id = std::find_if(entries.begin(), entries.end(), has_id);
  const auto without_id = std::find_if_not(entries.begin(), entries.end(), has_id);
  if (with_id != entries.end() && without_id != entries.end()) {
    const auto line = [&](std::vector<Entry>::const_iterator entry) {
      return static_cast<std::size_t>(entry - entries.cbegin()) + 1;
    };
    fail(name, line(without_id),
         "no id in '" + without_id->piece + "', but line " + std::to_string(line(with_id)) +
             " has one. Write `piece id` on every line, or one piece on every line.");
  }
  check_pieces(entries, name);
  if (with_id != entries.end()) return order(std::move(entries), name);
  std::vector<std::string> pieces;
  pieces.reserve(entries.size());
  for (Entry& entry : entries) pieces.push_back(std::move(entry.piece));
  return pieces;
}

std::vector<std::string> read_token_list(const std::string& path) {
  const std::string name = "'" + path + "'";
  return parse_token_list(
      read_file(path, "Token list " + name, kLargestFileBytes, "Name the file with the option `tokens`."), name);
}

}  // namespace fastctc
