#include "smtp/server/data_reader.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/text.h"
#include "smtp/server/body_collector.h"
#include "smtp/server/text_check.h"

using namespace consentry;
using namespace consentry::smtp::server;

namespace {

struct reading {
  std::string content;
  std::string rest;  // behind the end
  bool ended = false;
  bool bare_newline = false;
  bool nul = false;
  std::size_t longest = 0;
  bool operator==(const reading&) const = default;
};

reading read_pieces(const std::vector<std::string_view>& pieces) {
  reading out;
  data_reader reader;
  text_check check;
  for (const auto piece : pieces) {
    std::size_t used = 0;
    while (used < piece.size() && !out.ended) {
      const auto step = reader.next(piece.substr(used));
      check.feed(step.content);
      out.content += step.content;
      used += step.consumed;
      out.ended = step.at_end;
    }
    out.rest += piece.substr(used);
  }
  check.finish();
  out.bare_newline = check.has_bare_newline();
  out.nul = check.has_nul();
  out.longest = check.longest_line();
  return out;
}

// The obvious way, octet by octet, to compare with.
reading read_slowly(std::string_view in) {
  reading out;
  std::string line;
  std::size_t at = 0;
  while (at < in.size() && !out.ended) {
    line += in[at++];
    if (!line.ends_with("\r\n")) continue;
    out.ended = line == ".\r\n";
    if (!out.ended) out.content += line.substr(line[0] == '.' ? 1 : 0);
    line.clear();
  }
  out.rest = std::string{in.substr(at)};
  std::size_t length = 0;
  for (std::size_t i = 0; i < out.content.size(); ++i) {
    const char c = out.content[i];
    const char before = i > 0 ? out.content[i - 1] : '\0';
    const char after = i + 1 < out.content.size() ? out.content[i + 1] : '\0';
    if ((c == '\r' && after != '\n') || (c == '\n' && before != '\r')) out.bare_newline = true;
    if (c == '\0') out.nul = true;
    out.longest = std::max(out.longest, ++length);
    if (c == '\n') length = 0;
  }
  return out;
}

std::filesystem::path corpora() {
  if (const char* set = std::getenv("CONSENTRY_CORPORA")) return set;
  return std::filesystem::path{CONSENTRY_SOURCE_DIR}.parent_path() / "shared" / "corpora";
}

const char* const samples[] = {
    ".\r\n",
    "\r\n.\r\n",
    "hello\r\n.\r\nQUIT\r\n",
    "..\r\n.\r\n",
    "...\r\n..a\r\n.b\r\n.\r\nrest",
    "a\r\n\r\n\r\n.\r\n",
    ".\n.\r\n.\r\n",
    "a\n.\n.\r\nb\r\n.\r\n",
    "a\r.\rb\r\n.\r\n",
    "a\r\n.\rb\r\n.\r\n",
    "a\r\n.\r\r\n.\r\n",
    "a\r\r\n.\r\n",
    "a\n\r\n.\r\n",
    "\n.\r\n\r\n.\r\n",
    "\r.\r\n\r\n.\r\n",
    "a\r\n.\n\r\n.\r\n",
};

}  // namespace

TEST_CASE("the end of data is found whatever the pieces are") {
  std::vector<std::string> texts(std::begin(samples), std::end(samples));
  texts.emplace_back("a\r\n\0.\r\nb\r\n.\r\nc", 14);
  for (const auto& text : texts) {
    CAPTURE(printable(text));
    const auto expected = read_slowly(text);
    REQUIRE(expected.ended);
    REQUIRE(read_pieces({text}) == expected);
    for (std::size_t cut = 0; cut <= text.size(); ++cut)
      REQUIRE(read_pieces({std::string_view{text}.substr(0, cut),
                           std::string_view{text}.substr(cut)}) == expected);
    std::vector<std::string_view> octets;
    for (std::size_t i = 0; i < text.size(); ++i)
      octets.push_back(std::string_view{text}.substr(i, 1));
    REQUIRE(read_pieces(octets) == expected);
  }
}

TEST_CASE("random texts of the dangerous octets read as the slow reader reads them") {
  std::mt19937 random{20150301};
  const std::string_view alphabet{"\r\n.a\0\r\n.", 8};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    const auto length = random() % 40;
    for (std::size_t i = 0; i < length; ++i) text += alphabet[random() % alphabet.size()];
    const auto expected_all = read_slowly(text + "\r\n.\r\n");
    const std::string whole = text + "\r\n.\r\n";
    const auto cut = random() % (whole.size() + 1);
    CAPTURE(printable(whole), cut);
    REQUIRE(read_pieces({std::string_view{whole}.substr(0, cut),
                         std::string_view{whole}.substr(cut)}) == expected_all);
  }
}

TEST_CASE("what is taken reads as one message to lenient servers too") {
  // A lenient server ends data at any of these. Sent on with dots stuffed after CRLF, taken content
  // holds none.
  std::mt19937 random{7};
  const std::string_view alphabet{"\r\n.ab\r\n", 7};
  int taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    const auto length = random() % 30;
    for (std::size_t i = 0; i < length; ++i) text += alphabet[random() % alphabet.size()];
    const auto got = read_pieces({text + "\r\n.\r\n"});
    if (got.bare_newline) continue;
    ++taken;
    std::string sent = "\r\n";
    for (const char c : got.content) {
      if (c == '.' && sent.ends_with("\r\n")) sent += '.';
      sent += c;
    }
    for (const char* end : {"\r\n.\r\n", "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n"})
      REQUIRE(sent.find(end) == std::string::npos);
  }
  CHECK(taken > 100);
}

TEST_CASE("known smuggling sequences never end the data") {
  const auto file = corpora() / "smtp-smuggling" / "variants.json";
  if (!std::filesystem::exists(file)) {
    WARN("corpora are absent, skipped: " << file);
    return;
  }
  std::ifstream in{file};
  const auto json = boost::json::parse(std::string{std::istreambuf_iterator<char>{in}, {}});
  std::string message{json.at("templates").at("inbound_message").as_string()};
  REQUIRE(json.at("variants").as_array().size() >= 6);
  for (const auto& v : json.at("variants").as_array()) {
    const auto sequence = parse_base64(std::string_view{v.at("sequence_base64").as_string()});
    REQUIRE(sequence);
    CAPTURE(v.at("name").as_string().c_str());
    auto text = message;
    text.replace(text.find("{SEQ}"), 5, *sequence);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      const auto got =
          read_pieces({std::string_view{text}.substr(0, cut), std::string_view{text}.substr(cut)});
      REQUIRE(got.ended);
      REQUIRE(got.rest.empty());  // the smuggled commands were content
      REQUIRE((got.bare_newline || got.nul));
    }
  }
}

TEST_CASE("a body gives its memory back") {
  memory_budget budget{90'000};
  session_limits limits;
  {
    body_collector body{limits, budget, 50'000};
    CHECK(budget.left() == 40'000);
    for (int i = 0; i < 60; ++i) body.add(std::string(998, 'x') + "\r\n");
    body.finish();
    REQUIRE(body.refusal());
    CHECK(to_string(*body.refusal()) == "452 4.3.1 not enough memory now, try again later");
    CHECK(body.size() == 60'000);
  }
  CHECK(budget.left() == 90'000);
  {
    body_collector body{limits, budget, 0};
    for (int i = 0; i < 30; ++i) body.add(std::string(998, 'x') + "\r\n");
    body.finish();
    CHECK_FALSE(body.refusal());
    CHECK(body.take_body().size() == 30'000);
  }
  CHECK(budget.left() == 90'000);
}

TEST_CASE("a declared size reserves little until octets come") {
  memory_budget budget{1 << 30};
  session_limits limits;
  limits.message_bytes = 1 << 29;
  body_collector body{limits, budget, 1 << 29};
  CHECK((1 << 30) - budget.left() <= 1 << 20);
}
