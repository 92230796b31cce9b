#include "smtp/bounce_rules.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/result.h"

namespace consentry::smtp {
namespace {

using c = bounce_class;

std::string error_of(const std::string& text) {
  try {
    bounce_rules::parse(text, "b.toml");
  } catch (const configuration_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the shipped rules take their own samples, and are those of conf") {
  const auto& shipped = bounce_rules::shipped();
  CHECK(shipped->wrong_samples() == std::vector<std::string>{});
  const auto file =
      bounce_rules::load(std::filesystem::path{CONSENTRY_SOURCE_DIR} / "conf/bounces.toml");
  CHECK(file->size() == shipped->size());
  CHECK(file->size() > 50);
}

TEST_CASE("what replies mean for retry and for the address") {
  struct row {
    const char* line;
    bounce_class expected;
    bool retry = false;
  };
  const row rows[] = {
      {"250 2.0.0 ok", c::none},
      {"354 go on", c::none},
      {"", c::transient},
      // Enhanced codes that leave no doubt (RFC 3463).
      {"550 5.1.1 User unknown", c::bad_address},
      {"550 5.1.2 no such host", c::bad_domain},
      {"501 5.1.3 bad syntax", c::bad_address},
      {"551 5.1.6 moved", c::bad_address},
      {"553 5.1.8 sender's domain", c::policy},
      {"556 5.1.10 null MX", c::bad_domain},
      {"552 5.2.2 over quota", c::mailbox_full},
      {"552 4.2.2 codes mixed up", c::mailbox_full},
      {"550 5.2.1 account inactive", c::mailbox_disabled},
      {"550 5.2.1 is receiving mail at a rate that", c::rate, true},
      {"554 5.4.6 too many hops", c::routing},
      {"501 5.5.4 bad parameter", c::protocol},
      {"554 5.6.0 bad content", c::protocol},
      {"550 5.7.1 not allowed", c::policy},
      {"550 5.7.26 DMARC", c::policy},
      {"525 5.7.13 disabled", c::mailbox_disabled},
      {"5.1.1", c::bad_address},
      {"4.4.7", c::expired},
      // Words, where the code says little.
      {"550 No such user here", c::bad_address},
      {"550 5.5.0 Requested action not taken: mailbox not found", c::bad_address},
      {"550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", c::bad_address},
      {"554 5.7.1 <x@a.hu>: Recipient address rejected: Access denied", c::policy},
      {"550 5.1.0 Sender does not exist", c::policy},
      {"554 Message rejected as SPAM", c::content},
      {"550 relay not permitted", c::policy},
      {"554 5.0.0 Quota exceeded (mailbox for user is full)", c::mailbox_full},
      {"550 5.7.1 Greylisted, try again in 300 seconds", c::greylisted, true},
      {"550 5.1.1 user unknown, listed at zen.spamhaus.org", c::reputation},
      {"550 5.1.1 A c\xc3\xadmzett nem l\xc3\xa9tezik", c::bad_address},
      // Basic codes last (RFC 5321 section 4.2.3, RFC 7504).
      {"550", c::other_permanent},
      {"554 transaction failed", c::other_permanent},
      {"552", c::mailbox_full},
      {"551", c::bad_address},
      {"503", c::protocol},
      {"535", c::policy},
      {"521", c::routing},
      // Only a final word ends an address, and 4xx needs no leave to be tried again.
      {"450 4.1.1 user unknown", c::transient},
      {"450 4.1.1 user unknown in greylist", c::greylisted},
      {"452 4.2.2 out of storage", c::mailbox_full},
      {"421 4.7.28 slow down", c::rate},
  };
  for (const row& r : rows) {
    INFO(r.line);
    const auto got = bounce_rules::shipped()->classify(reply_of_line(r.line), "mx.example.hu");
    CHECK(to_string(got.what) == to_string(r.expected));
    CHECK(got.retry == r.retry);
  }
}

TEST_CASE("the first rule of which all conditions fit decides") {
  const auto rules = bounce_rules::parse(R"(
[retry]
mailbox_full = { first_s = 60, max_s = 120 }
[[rule]]
id = "only-there"
class = "rate"
text = ['^554 .*later', 'x-y']
codes = ["554"]
hosts = ["Example.HU"]
retry = true
[[rule]]
id = "security"
class = "policy"
enhanced = ["5.7.*"]
)",
                                         "b.toml");
  const auto rule = [&](const char* line, const char* host) {
    return rules->classify(reply_of_line(line), host).rule;
  };
  CHECK(rule("554 try LATER", "mx.example.hu") == "only-there");
  CHECK(rule("554 try later", "EXAMPLE.hu") == "only-there");
  CHECK(rule("554 try later", "badexample.hu").empty());
  CHECK(rule("554 try later", "").empty());
  CHECK(rule("550 try later", "mx.example.hu").empty());
  CHECK(rule("554 5.7.9 no", "mx.example.hu") == "security");
  CHECK(rule("454 4.7.9 no", "mx.example.hu").empty());
  CHECK(rules->pace_of(c::mailbox_full) ==
        retry_pace{std::chrono::seconds{60}, std::chrono::seconds{120}});
  CHECK_FALSE(rules->pace_of(c::rate));
}

TEST_CASE("errors of the file name the line") {
  const std::string head = "[[rule]]\nid = \"a\"\n";
  CHECK(error_of(head + "class = \"odd\"\ncodes = [\"550\"]")
            .find("b.toml:3: there is no class \"odd\"") == 0);
  CHECK(error_of(head + "class = \"rate\"\ntext = [\n'good',\n'(bad']")
            .find("b.toml:6: no expression: ") == 0);
  CHECK(error_of(head + "class = \"rate\"\ncodes = [\"650\"]").find("b.toml:4: a code is") == 0);
  CHECK(error_of(head + "class = \"rate\"\nenhanced = [\"2.1.1\"]")
            .find("b.toml:4: an enhanced code") == 0);
  CHECK(error_of(head + "class = \"rate\"").find("needs text, enhanced or codes") !=
        std::string::npos);
  CHECK(error_of(head + "class = \"bad_address\"\ncodes = [\"550\"]\nretry = true")
            .find("b.toml:5: a dead") == 0);
  CHECK(error_of(head + "class = \"rate\"\ncodes = [\"550\"]\nodd = 1").find("b.toml:5:") == 0);
  CHECK(error_of(head + "class = \"rate\"\ncodes = [\"550\"]\n" + head)
            .find("b.toml:6: this id is taken") == 0);
  CHECK(error_of("[retry]\nbad_address = { first_s = 1 }")
            .find("b.toml:2: no class that is waited for") == 0);
  CHECK(error_of("[retry]\nrate = { first_s = 10, max_s = 5 }").find("max_s must not be less") !=
        std::string::npos);
}

TEST_CASE("a sample that another rule takes is told with its place") {
  const auto rules = bounce_rules::parse(
      "[[rule]]\nid = \"a\"\nclass = \"rate\"\ncodes = [\"550\"]\n"
      "[[rule]]\nid = \"b\"\nclass = \"rate\"\ntext = ['x']\nsamples = [\"550 x\", \"551 x\", "
      "\"552 y\"]\n",
      "b.toml");
  CHECK(rules->wrong_samples() ==
        std::vector<std::string>{"b.toml:9: the sample of b is taken by a: 550 x",
                                 "b.toml:9: the sample of b fits no rule: 552 y"});
}

}  // namespace consentry::smtp
