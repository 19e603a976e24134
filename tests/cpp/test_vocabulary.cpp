#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "fastctc/error.h"
#include "fastctc/vocabulary.h"
#include "text/token_list.h"

using namespace fastctc;
using Pieces = std::vector<std::string>;

namespace {

#define MARK "\xE2\x96\x81"  // U+2581

Pieces parse(const std::string& bytes) { return parse_token_list(bytes, "'list'"); }

std::string join_words(const Vocabulary& vocabulary, const std::vector<int>& ids) {
  std::string joined;
  for (const auto& word : vocabulary.words(ids)) joined += (joined.empty() ? "" : " ") + word.text;
  return joined;
}

// A file that is gone when the test ends.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& bytes) { std::ofstream(path(), std::ios::binary) << bytes; }
  ~TemporaryFile() { std::remove(path().c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "fastctc_test_vocabulary.txt";
};

}  // namespace

TEST_CASE("a token list has ids when every line ends in one") {
  CHECK(parse("a 1\nb 0\n") == Pieces{"b", "a"});
  CHECK(parse("a\t1\nb\t0") == Pieces{"b", "a"});
  CHECK(parse("a b 0\n  1\n") == Pieces{"a b", " "});  // split at the last blank; a lone blank is a piece
  CHECK(parse(MARK " 0\r\n<blk> 1\r\n") == Pieces{MARK, "<blk>"});
  CHECK(parse("\xEF\xBB\xBF"
              "a 0 \nb +01\t\n") == Pieces{"a", "b"});
  CHECK(parse("b\na\n") == Pieces{"b", "a"});
  CHECK(parse("1\n0\n") == Pieces{"1", "0"});  // digits are pieces
  CHECK(parse(" \na b\n") == Pieces{" ", "a b"});
}

TEST_CASE("a wrong token list is an error that names the line") {
  const struct {
    std::string bytes;
    const char* message;
  } cases[] = {
      {"", "'list' is empty"},
      {"\xEF\xBB\xBF", "'list' is empty"},
      {"a 0\n\nb 1\n", "line 2: the line is empty"},
      {"a 0\nb 1\n\n", "line 3: the line is empty"},
      {"a 0\nb\n", "line 2: no id in 'b', but line 1 has one"},
      {"a\nb 1\n", "line 1: no id in 'a', but line 2 has one"},
      {"a 0\nb 0\n", "line 2: id 0 is on line 1 too"},
      {"a 0\nb 2\n", "line 2: id 2 is past the end"},
      {"a 0\nb -1\n", "line 2: id -1 is negative"},
      {"a 0\nb 99999999999999999999999\n", "line 2: id 99999999999999999999999 is past the end"},
      {"a 0\nb 1\na 2\n", "line 3: piece 'a' is on line 1 too"},
      {"a\nb\na\n", "line 3: piece 'a' is on line 1 too"},
      {"a 0\n 1\n", "line 2: no piece in front of the id"},
      {"a 0\n\xFF 1\n", "line 2: byte 1 is not UTF-8"},
      {"a 0\nb\xED\xA0\x80 1\n", "line 2: byte 2 is not UTF-8"},  // a surrogate
      {std::string("a 0\nb\0 1\n", 9), "line 2: a NUL byte"},
  };
  for (const auto& test : cases) {
    INFO(test.message);
    CHECK_THROWS_WITH_AS(parse(test.bytes), doctest::Contains(test.message), VocabularyError);
  }
}

TEST_CASE("files that are no token list") {
  CHECK_THROWS_WITH_AS(Vocabulary::read("no/such/tokens.txt"), doctest::Contains("is not there"), ModelNotFoundError);
  CHECK_THROWS_AS(Vocabulary::read(""), ModelNotFoundError);
  CHECK_THROWS_AS(Vocabulary::read(std::string("tokens.txt\0x", 12)), ModelNotFoundError);
  CHECK_THROWS_WITH_AS(Vocabulary::read(FASTCTC_TEST_DATA), doctest::Contains("is a directory"), fastctc::ModelError);
}

TEST_CASE("the user's list") {
  const Vocabulary vocabulary = Vocabulary::read(FASTCTC_TEST_DATA "/user_tokens.txt", 1025);
  CHECK(vocabulary.size() == 1025);
  CHECK(vocabulary.blank_id() == 1024);
  CHECK(vocabulary.style() == TextStyle::sentencepiece);
  CHECK(vocabulary.piece(2) == MARK "the");
  CHECK(vocabulary.text({2, 62, 1, 2}) == "the s the");
  CHECK(join_words(vocabulary, {2, 62, 1, 2}) == "the s the");
  CHECK_THROWS_WITH_AS(Vocabulary::read(FASTCTC_TEST_DATA "/user_tokens.txt", 1026),
                       doctest::Contains("has 1025 pieces, but the model's output is 1026 wide"), VocabularyError);
}

TEST_CASE("the blank is found by name, then by position, and checked against the width") {
  CHECK(Vocabulary(Pieces{"<blk>", "a", "b"}).blank_id() == 0);
  CHECK(Vocabulary(Pieces{"<pad>", "a", "<blank>"}).blank_id() == 2);
  CHECK(Vocabulary(Pieces{"[PAD]", "a", "b"}).blank_id() == 0);
  CHECK(Vocabulary(Pieces{"a", "b", "c"}).blank_id() == 2);
  CHECK(Vocabulary(Pieces{"<pad>", "a", "b"}, 1).blank_id() == 1);
  CHECK(Vocabulary(Pieces{"<blk>", "a", "<b>"}, 2).blank_id() == 2);
  CHECK_THROWS_WITH_AS(Vocabulary(Pieces{"<blk>", "a", "b"}, 1), doctest::Contains("'<blk>' (id 0)"), VocabularyError);
  CHECK_THROWS_WITH_AS(Vocabulary(Pieces{"<blk>", "a", "<blank>"}), doctest::Contains("blank_id"), VocabularyError);
  CHECK_THROWS_AS(Vocabulary(Pieces{"a", "b"}, 2), OptionError);
  CHECK_THROWS_AS(Vocabulary(Pieces{}), VocabularyError);
  CHECK_THROWS_AS(Vocabulary(Pieces{"a", ""}), VocabularyError);
  CHECK_THROWS_AS(Vocabulary(Pieces{"a", "a"}), VocabularyError);
  CHECK_THROWS_AS(Vocabulary(Pieces{"a", "\xC0\x80"}), VocabularyError);

  const TemporaryFile plain("<pad>\n" MARK "a\nb\n");
  CHECK(Vocabulary::read(plain.path(), 4).blank_id() == 3);
  CHECK(Vocabulary::read(plain.path(), 4, 3).blank_id() == 3);
  CHECK(Vocabulary::read(plain.path(), 4).piece(3) == "<blk>");
  CHECK(Vocabulary::read(plain.path(), 3).blank_id() == 0);
  CHECK_THROWS_WITH_AS(Vocabulary::read(plain.path(), 5), doctest::Contains("3 pieces, but the model's output is 5"),
                       VocabularyError);
  CHECK_THROWS_AS(Vocabulary::read(plain.path(), 4, 0), VocabularyError);
  CHECK_THROWS_AS(Vocabulary::read(plain.path(), 3, -1, "syllables"), OptionError);
  CHECK(Vocabulary::read(plain.path(), 3, -1, "characters").style() == TextStyle::characters);
}

TEST_CASE("nothing tells the blank of a list alone") {
  const TemporaryFile nameless("a\nb\n");
  CHECK_THROWS_WITH_AS(Vocabulary::read(nameless.path()), doctest::Contains("blank_id"), VocabularyError);
  CHECK(Vocabulary::read(nameless.path(), 0, 0).blank_id() == 0);
  const TemporaryFile named("a\n<blk>\n");
  CHECK(Vocabulary::read(named.path()).blank_id() == 1);
  CHECK_THROWS_AS(Vocabulary::read(named.path(), 3), VocabularyError);  // it has its blank: the width is wrong
}

TEST_CASE("SentencePiece text: bytes, unknown and control pieces") {
  const Vocabulary vocabulary(
      Pieces{"<unk>", "<s>", MARK "a", "b", MARK, "<0xE2>", "<0x82>", "<0xAC>", "<0x20>", "<blk>"});
  CHECK(vocabulary.text({2, 3, 4, 3}) == "ab b");
  CHECK(vocabulary.text({4, 4, 2}) == "a");
  CHECK(vocabulary.text({1, 2, 1, 3}) == "ab");
  CHECK(vocabulary.text({0, 2}) == " \xE2\x81\x87  a");
  CHECK(vocabulary.text({2, 5, 6, 7, 3}) ==
        "a\xE2\x82\xAC"
        "b");
  CHECK(vocabulary.text({5, 6}) == "\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(vocabulary.text({5, 3, 6}) ==
        "\xEF\xBF\xBD"
        "b\xEF\xBF\xBD");
  CHECK(vocabulary.text({}).empty());
  CHECK_THROWS_AS(vocabulary.text({9}), OptionError);
  CHECK_THROWS_AS(vocabulary.text({10}), OptionError);
  CHECK_THROWS_AS(vocabulary.words({-1}), OptionError);

  const auto words = vocabulary.words({4, 2, 1, 5, 6, 7, 1, 8, 3, 1, 4});
  REQUIRE(words.size() == 2);
  CHECK(words[0].text == "a\xE2\x82\xAC");
  CHECK(words[0].begin == 1);
  CHECK(words[0].end == 6);
  CHECK(words[1].text == "b");
  CHECK(words[1].begin == 8);
  CHECK(words[1].end == 9);
}

TEST_CASE("a token that spans two words belongs to both") {
  const Vocabulary vocabulary(Pieces{MARK "of" MARK "the", "re", "<blk>"});
  const auto words = vocabulary.words({0, 1});
  REQUIRE(words.size() == 2);
  CHECK(words[0].text == "of");
  CHECK(words[0].end == 1);
  CHECK(words[1].text == "there");
  CHECK(words[1].begin == 0);
  CHECK(words[1].end == 2);
}

TEST_CASE("character and word-piece text") {
  const Vocabulary spaces(Pieces{"a", "b", " ", "|", "'", "<blk>"});
  CHECK(spaces.style() == TextStyle::characters);
  CHECK(spaces.text({0, 2, 3, 1, 4, 2}) == "a |b' ");
  CHECK(join_words(spaces, {2, 0, 2, 2, 1}) == "a b");
  const Vocabulary bars(Pieces{"<pad>", "<s>", "|", "A", "B"});
  CHECK(bars.text({2, 1, 3, 2, 4, 2}) == "A B");
  CHECK(join_words(bars, {2, 1, 3, 2, 4, 2}) == "A B");

  const Vocabulary pieces(Pieces{"[UNK]", "one", "##s", MARK, "##e", "<blk>"});
  CHECK(pieces.style() == TextStyle::wordpiece);
  CHECK(pieces.text({1, 2, 0, 1, 3, 4}) == "ones one e");
  CHECK(pieces.text({2, 1}) == "##s one");  // as transformers
  CHECK(pieces.text({3, 4, 3}) == "e");
  CHECK(join_words(pieces, {1, 2, 0, 1, 3, 4}) == "ones one e");
}

TEST_CASE("UTF-8 as SentencePiece reads it") {
  const auto bytes = [](const std::string& text) { return character_bytes(text, 0); };
  CHECK(bytes("a") == 1);
  CHECK(bytes("\xC3\xA9") == 2);
  CHECK(bytes("\xEF\xBF\xBD") == 3);
  CHECK(bytes("\xF4\x8F\xBF\xBF") == 4);
  for (const char* invalid : {"", "\x80", "\xC0\x80", "\xC3",
                              "\xC3"
                              "a",
                              "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                              "\xF8\x88\x80\x80\x80", "\xFF"}) {
    CHECK(bytes(invalid) == 0);
  }
  CHECK(white_space_bytes("\xE3\x80\x80", 0) == 3);
  CHECK(white_space_bytes("\xE2\x80\x8B", 0) == 0);  // zero-width space is not one
}
