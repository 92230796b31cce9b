// What a stranger's text may cost. A fault here shows as a result that says "complete", or as
// minutes.
#include <catch2/catch.hpp>
#include <string>

#include "filters/pattern_database.h"
#include "filters/pattern_file.h"

using namespace consentry;
using namespace consentry::filters;

namespace {

// Phrases that share a word which is nobody's rarest.
pattern_database sharing_one_word(int phrases) {
  std::string words;
  for (int n = 0; n < phrases; ++n) {
    words += n == 0 ? "" : ", ";
    words += "\"email .. zzyq" + std::string(1, static_cast<char>('a' + n % 26)) +
             std::string(1, static_cast<char>('a' + n / 26)) + "\"";
  }
  pattern_set set;
  set.files.push_back(parse_pattern_file(
      "language = \"en\"\ncategory = \"S1\"\n[[pattern]]\nid = \"a\"\nweight = 1\n"
      "words = [" +
          words + "]\nmust_match = [\"email zzyqaa\"]\nmust_not_match = [\"letter\"]\n",
      "en/S1_a.toml"));
  return pattern_database{std::move(set)};
}

std::string repeated(std::string_view piece, std::size_t octets) {
  std::string out;
  while (out.size() < octets) out += piece;
  return out;
}

bool is_complete(const pattern_database& database, const std::string& text) {
  bool complete = true;
  database.search(text, zone::body, complete);
  return complete;
}

}  // namespace

TEST_CASE("a word that many phrases share, taken apart a hundred thousand times, is too much") {
  const auto database = sharing_one_word(500);
  CHECK(is_complete(database, "an e-mail of zzyqaa, and another e-mail"));
  CHECK_FALSE(is_complete(database, repeated("e-mail ", 240 * 1024)));
}

TEST_CASE("a word as long as the text that changed in each place is looked at once") {
  const auto database = sharing_one_word(20);
  CHECK(is_complete(database, repeated("ab-c4d", 240 * 1024)));
  CHECK(is_complete(database, repeated("e-m@il.", 240 * 1024)));
}
