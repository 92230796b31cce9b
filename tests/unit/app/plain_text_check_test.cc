// A text that is no mail under the content bans.
#include "app/plain_text_check.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "app/scan_report.h"
#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
namespace json = boost::json;

namespace {

json::object report_of(std::string_view text) {
  const auto policy = tests::small_policy();
  const auto reading = read_text(text, *policy->patterns).value();
  return text_report(reading, judge_content(*policy->set, reading, tests::time_at("2025-03-14")));
}

}  // namespace

TEST_CASE("a text gets the verdict that a mail of it would get") {
  struct row {
    const char* text;
    const char* verdict;
    const char* reason;
  };
  for (const row& r :
       {row{"hello", "send", "ok"}, row{"tiltottszo", "refuse", "content.h4"},
        row{"gyanusszo", "hold", "content.s3"}, row{"Subject: a\r\n\r\nhello", "send", "ok"},
        row{"From: x@otpbank.hu\nhello", "send", "ok"}}) {
    INFO(r.text);
    const auto o = report_of(r.text);
    CHECK(o.at("verdict") == r.verdict);
    CHECK(o.at("reason") == r.reason);
    CHECK(o.at("scores").as_object().empty() == (o.at("verdict") == "send"));
  }
}

TEST_CASE("findings stand where they stand in the text") {
  for (const std::string text : {"tiltottszo", "\n\n  Tiltottszo\n",
                                 "a\r\nb\r\nv\xC3\xA9ge: TILTOTTSZO", "a\nb: tiltottszo\r\n"}) {
    INFO(text);
    const auto o = report_of(text);
    const auto& f = o.at("findings").as_array().at(0).as_object();
    const auto begin = f.at("begin").to_number<std::size_t>();
    const auto end = f.at("end").to_number<std::size_t>();
    CHECK(std::string{f.at("matched").as_string()} == text.substr(begin, end - begin));
    CHECK(end - begin == 10);
  }
}

TEST_CASE("what is no text is not judged") {
  const auto policy = tests::small_policy();
  for (const std::string& text :
       {std::string{}, std::string(checked_text_bytes_max + 1, 'a'), std::string{"\xFF\xFE"}}) {
    const auto reading = read_text(text, *policy->patterns);
    REQUIRE_FALSE(reading.has_value());
    CHECK(reading.error().kind == failure_kind::invalid);
  }
  CHECK(read_text(std::string(checked_text_bytes_max, 'a'), *policy->patterns).has_value());
}
