#include "app/scan_report.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "base/text.h"
#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
namespace json = boost::json;

namespace {

json::object report_of(const std::string& data, bool with_texts = false) {
  const auto policy = tests::small_policy();
  const auto reading = read_message(data, *policy->patterns, {}).value();
  return scan_report(reading, judge_content(*policy->set, reading, tests::time_at("2025-03-14")),
                     with_texts);
}

const std::string header =
    "From: Shop <news@shop.test>\r\nTo: a@b.test\r\nDate: Fri, 14 Mar 2025 12:00:00 +0100\r\n"
    "Message-ID: <a@b>\r\n";

std::string keys_of(const json::object& o) {
  std::string out;
  for (const auto& m : o) out += std::string{m.key()} + " ";
  return out;
}

}  // namespace

TEST_CASE("a report has parts, findings and a verdict, always") {
  const auto o = report_of(header + "Subject: hello\r\n\r\nhello\r\n");
  CHECK(keys_of(o) ==
        "parts findings scores fingerprint unscannable problems verdict reason rule text "
        "policy_version ");
  CHECK(o.at("verdict") == "send");
  CHECK(o.at("reason") == "ok");
  CHECK(o.at("findings").as_array().empty());
  CHECK(o.at("scores").as_object().empty());
  CHECK(o.at("unscannable").as_array().empty());
  REQUIRE(o.at("parts").as_array().size() == 1);
  const auto& p = o.at("parts").as_array()[0].as_object();
  CHECK(p.at("type") == "text/plain");
  CHECK(p.at("container") == false);
  CHECK(p.at("bytes") == 7);
  CHECK(p.at("sha256").as_string().size() == 64);
  CHECK_FALSE(p.contains("text"));
}

TEST_CASE("the verdict is that of the content alone") {
  struct row {
    const char* body;
    const char* verdict;
    const char* reason;
  };
  for (const row& r : {row{"hello", "send", "ok"}, row{"tiltottszo", "refuse", "content.h4"},
                       row{"gyanusszo", "hold", "content.s3"}}) {
    INFO(r.body);
    const auto o = report_of(header + "Subject: hello\r\n\r\n" + r.body + "\r\n");
    CHECK(o.at("verdict") == r.verdict);
    CHECK(o.at("reason") == r.reason);
  }
}

TEST_CASE("a finding says what, where and how much") {
  const auto o = report_of(header + "Subject: hello\r\n\r\nbuy Tiltottszo now\r\n", true);
  REQUIRE_FALSE(o.at("findings").as_array().empty());
  const auto& f = o.at("findings").as_array()[0].as_object();
  CHECK(f.at("pattern") == "hu.H4.tiltott");
  CHECK(f.at("category") == "H4");
  CHECK(f.at("zone") == "body");
  CHECK(f.at("matched") == "Tiltottszo");
  CHECK(f.at("begin") == 4);
  CHECK(f.at("end") == 14);
  CHECK(f.at("language") == "hu");
  CHECK(f.at("conclusive") == true);
  CHECK(f.at("score").to_number<double>() == 12.0);
  CHECK(o.at("scores").as_object().at("H4").to_number<double>() == 12.0);
  CHECK(
      o.at("parts").as_array()[0].as_object().at("text").as_string().starts_with("buy Tiltottszo"));
}

TEST_CASE("whatever the mail holds, the report is JSON in valid UTF-8") {
  for (const std::string& data :
       {std::string{}, std::string{"\r\n"}, std::string{"no header at all"},
        header + "Subject: \xff\xfe\r\n\r\n\xc3\x28\r\n",
        header + "Content-Type: text/\xff; name=\"\xe9\"\r\n\r\n\xe9\r\n",
        header + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: "
                 "attachment; "
                 "filename=\"\xff.zip\"\r\nContent-Type: "
                 "application/zip\r\n\r\nPK\x03\x04\xff\r\n--b--\r\n"}) {
    INFO(printable(data, 300));
    const auto text = json::serialize(report_of(data, true));
    boost::system::error_code error;
    CHECK(json::parse(text, error).is_object());  // boost::json refuses bad UTF-8
    CHECK_FALSE(error);
  }
}

TEST_CASE("nested parts are listed with their place") {
  const auto o = report_of(header +
                           "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
                           "boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n"
                           "Content-Type: text/html\r\nContent-Disposition: attachment; "
                           "filename=a.html\r\n\r\n<p>two</p>\r\n--b--\r\n");
  const auto& parts = o.at("parts").as_array();
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].as_object().at("container") == true);
  CHECK(parts[2].as_object().at("file_name") == "a.html");
  CHECK(parts[2].as_object().at("disposition") == "attachment");
  CHECK(parts[1].as_object().at("path") != parts[2].as_object().at("path"));
}
