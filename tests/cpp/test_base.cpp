// Numbers as text, protocol buffers, files.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/mapped_file.h"
#include "base/numbers.h"
#include "base/protobuf.h"
#include "fastctc/error.h"
#include "temporary_directory.h"

using namespace fastctc;
namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("numbers are those of strtod") {
  for (const char* text :
       {"0", "-0", "1", "-1.5", "+2.25", ".5", "5.", "-99", "0.000", "1e3", "1E-3", "1e+3", "-1.126", "1e22",
        "123456789012345678901234567890", "0.1234567890123456789012345", "1e-30", "1e-400", "-1e-400"}) {
    INFO(text);
    double value = -1;
    REQUIRE(parse_number(text, &value));
    CHECK(value == std::strtod(text, nullptr));
  }
  for (const char* text : {"",    "-",   "+",    ".",     "e5",     "1e",  "1e+", "1x",  " 1",  "1 ", "0x1",
                           "nan", "inf", "-inf", "1e400", "-1e400", "1,5", "--1", "+-1", "-+1", "++1"}) {
    INFO(text);
    double value = -1;
    CHECK_FALSE(parse_number(text, &value));
    CHECK(value == -1);
  }
}

TEST_CASE("whole numbers are digits") {
  std::uint64_t value = 7;
  for (const char* text : {"", "-1", "+1", "1.5", " 1", "1 ", "0x1", "x"}) CHECK_FALSE(parse_number(text, &value));
  CHECK(value == 7);
  CHECK((parse_number("0012", &value) && value == 12));
  const std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  CHECK((parse_number("18446744073709551615", &value) && value == largest));
  CHECK((parse_number("18446744073709551616", &value) && value == largest));
}

TEST_CASE("numbers as text are short and read back") {
  CHECK(number_text(0.1) == "0.1");
  CHECK(number_text(-3.0) == "-3");
  CHECK(number_text(0.1f) == "0.1");
  for (const double value : {1.0 / 3, 1e300, -5e-324, 123456789.125}) {
    double back = 0;
    REQUIRE(parse_number(number_text(value), &back));
    CHECK(back == value);
  }
}

TEST_CASE("broken protocol buffers end the walk") {
  std::string message;
  append_field(message, 3, std::string(300, 'x'));
  for (std::size_t size = 0; size <= message.size(); ++size) {
    ProtobufMessage fields(std::string_view(message).substr(0, size));
    const bool found = fields.next();
    CHECK(found == (size == message.size()));
    CHECK(fields.is_broken() == (size > 0 && size < message.size()));
    if (found) CHECK(fields.whole() == message);
  }
  ProtobufMessage endless(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12));
  CHECK_FALSE(endless.next());
  CHECK(endless.is_broken());
}

TEST_CASE("a tag's bits beyond 32 are dropped, as ONNX Runtime's reader does") {
  // Field 7 of bytes, with bit 33 set: a walk that took it for another field would miss a graph.
  const std::string message = "\xba\x80\x80\x80\x20\x02hi";
  ProtobufMessage fields(message);
  REQUIRE(fields.next());
  CHECK(fields.field() == 7);
  CHECK(fields.content() == "hi");
  ProtobufMessage zero(std::string_view("\0\0", 2));
  CHECK_FALSE(zero.next());
  CHECK(zero.is_broken());
}

TEST_CASE("groups break a message, or open") {
  const std::string message = "\x0b\x10\x05\x0c\x18\x06";  // group 1 { field 2: 5 }, field 3: 6
  ProtobufMessage strict(message);
  CHECK_FALSE(strict.next());
  CHECK(strict.is_broken());
  ProtobufMessage open(message, Groups::opened);
  std::vector<std::uint64_t> numbers;
  while (open.next()) {
    if (open.type() == WireType::varint) numbers.push_back(open.number());
  }
  CHECK_FALSE(open.is_broken());
  CHECK(numbers == std::vector<std::uint64_t>{5, 6});
  ProtobufMessage end("\x0c", Groups::opened);
  CHECK_FALSE(end.next());
  CHECK(end.is_broken());
}

TEST_CASE("integers stand one a field or packed") {
  std::vector<std::int64_t> integers;
  const std::string message = "\x08\x05\x0a\x03\x01\xac\x02\x0d\x01\x01\x01\x01";  // 5; packed 1, 300; a fixed32
  ProtobufMessage fields(message);
  while (fields.next()) fields.append_integers(integers, 8);
  CHECK(integers == std::vector<std::int64_t>{5, 1, 300});
  ProtobufMessage again(message);
  integers.clear();
  while (again.next()) again.append_integers(integers, 2);
  CHECK(integers == std::vector<std::int64_t>{5, 1});
}

TEST_CASE("a file is whole or not there") {
  const TemporaryDirectory place;
  write_durably(place.path() / "a", {"one ", "two"});
  CHECK(read(place.path() / "a") == "one two");
  write_durably(place.path() / "a", {"three"});
  CHECK(read(place.path() / "a") == "three");
  CHECK_THROWS_AS(write_durably(place.path() / "none" / "a", {"x"}), fs::filesystem_error);
  CHECK(std::distance(fs::directory_iterator(place.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("what can't be read is told in one way") {
  const TemporaryDirectory place;
  const std::string path = place.write("a", "bytes");
  CHECK(read_file(path, "File", 5) == "bytes");
  CHECK(MappedFile(path, "File").bytes() == "bytes");
  CHECK(MappedFile(place.write("empty", ""), "File").bytes().empty());
  CHECK_THROWS_WITH_AS(read_file(path, "File", 4), doctest::Contains("File is larger than"), ModelError);
  const auto check = [&](const std::string& missing) {
    CHECK_THROWS_AS(open_file(missing, "File"), ModelNotFoundError);
    CHECK_THROWS_AS(MappedFile(missing, "File"), ModelNotFoundError);
  };
  check(place.file("none"));
  check("");
  check(path + std::string("\0x", 2));
  CHECK_THROWS_WITH(open_file(place.file("none"), "File"), "File is not there. Check the path.");
  CHECK_THROWS_WITH(open_file(place.file("none"), "File", "Copy it."), "File is not there. Copy it.");
  CHECK_THROWS_WITH_AS(MappedFile(place.path().u8string(), "File"), "File is a directory. Name the file in it.",
                       ModelError);
#if defined(__linux__)
  CHECK_THROWS_WITH_AS(read_file("/proc/self/mem", "File", 5), "File can't be read: Input/output error.", ModelError);
#endif
}
