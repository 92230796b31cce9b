#include "queue/pacing_rules.h"

#include <catch2/catch.hpp>

#include "base/result.h"

using namespace consentry;
using namespace consentry::queue;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<const pacing_rules> read(const std::string& text) {
  return pacing_rules::parse(text, "pacing.toml", {.connections_max = 20}, {});
}

std::string refusal(const std::string& text) {
  try {
    (void)read(text);
  } catch (const configuration_error& e) {
    return e.what();
  }
  return "taken";
}

instant at(const char* text) {
  return *parse_timestamp(text);
}

smtp::outcome refused(int code, smtp::enhanced_code enhanced, std::string text) {
  smtp::outcome o;
  o.last_reply = {.code = code, .enhanced = enhanced, .text = std::move(text)};
  return o;
}

}  // namespace

TEST_CASE("rates are counts in a time") {
  CHECK(parse_rate("600/min") == send_rate{600, 60s});
  CHECK(parse_rate("5/s") == send_rate{5, 1s});
  CHECK(parse_rate("20000/h") == send_rate{20000, 1h});
  CHECK(parse_rate("1/d") == send_rate{1, 24h});
  CHECK(parse_rate("") == send_rate{});
  for (const auto* bad :
       {"5", "/s", "0/s", "-1/s", "5/week", "5 / s", "99999999999/s", "unlimited"}) {
    INFO(bad);
    CHECK_FALSE(parse_rate(bad));
  }
}

TEST_CASE("a site's rule is found by its hosts, themselves and below") {
  const auto r = read(R"(
[default]
connections_max = 10
[[site]]
id = "gmail"
hosts = ["google.com", "gmail-smtp-in.l.GOOGLE.com"]
connections_max = 5
rate = "600/min"
[[site]]
id = "relay"
hosts = ["127.0.0.1"]
messages_per_connection_max = 7
)");
  CHECK(r->limits_of("aspmx.l.google.com,alt1.aspmx.l.google.com").rule == "gmail");
  CHECK(r->limits_of("aspmx.l.google.com").connections_max == 5);
  CHECK(r->limits_of("google.com").rate == send_rate{600, 60s});
  CHECK(r->limits_of("notgoogle.com").rule == "default");
  CHECK(r->limits_of("mx.example.hu").connections_max == 10);
  CHECK(r->limits_of("127.0.0.1:2525").rule == "relay");
  CHECK(r->limits_of("127.0.0.1:2525").connections_max == 10);  // as [default]
  CHECK(r->limits_of("127.0.0.1:2525").messages_per_connection_max == 7);
}

TEST_CASE("of the rules of a flow the later one wins, key by key") {
  const auto r = read(R"(
[[source]]
name = "a"
[[pool]]
name = "vip"
sources = ["a"]
[[flow]]
per_day = 1000
rate = "100/min"
[[flow]]
tenant = "acme"
weight = 5
pool = "vip"
[[flow]]
tenant = "acme"
stream = "bulk"
per_day = 20
[[flow]]
tenant = "acme"
campaign = "black-*"
weight = 3
rate = "5/s"
)");
  const auto other = r->limits_of("other", smtp::stream::bulk, "black-1");
  CHECK(other.per_day == 1000);
  CHECK(other.pool == "default");
  CHECK(other.tenant_weight == 1);
  const auto acme = r->limits_of("acme", smtp::stream::bulk, "black-1");
  CHECK(acme.per_day == 20);
  CHECK(acme.tenant_weight == 5);
  CHECK(acme.campaign_weight == 3);
  CHECK(acme.pool == "vip");
  CHECK(acme.rate == send_rate{5, 1s});
  CHECK(r->limits_of("acme", smtp::stream::transactional, "x").per_day == 1000);
  CHECK(r->limits_of("acme", smtp::stream::bulk, "x").campaign_weight == 1);
  CHECK(r->pool("vip").size() == 1);
  CHECK(r->pool("none").front().from->name == "a");  // default: all sources
}

TEST_CASE(
    "a send window is a part of the day in Budapest, also over midnight and over a clock change") {
  send_window day{.begin = 8h, .end = 20h, .days = 0x1f};
  const auto opens = [](const send_window& w, const char* t) { return w.opening_at(at(t)).begin; };
  CHECK(opens(day, "2026-11-27T12:00:00") == at("2026-11-27T08:00:00"));
  CHECK(day.opening_at(at("2026-11-27T12:00:00")).end == at("2026-11-27T20:00:00"));
  CHECK(opens(day, "2026-11-27T07:59:59") == at("2026-11-27T08:00:00"));
  CHECK(opens(day, "2026-11-27T20:00:00") == at("2026-11-30T08:00:00"));  // Friday to Monday
  send_window night{.begin = 22h, .end = 6h};
  CHECK(opens(night, "2026-11-27T03:00:00") == at("2026-11-26T22:00:00"));
  CHECK(opens(night, "2026-11-27T06:00:00") == at("2026-11-27T22:00:00"));
  // The night of 2026-10-25 has an hour more.
  CHECK(night.opening_at(at("2026-10-24T23:00:00")).end == at("2026-10-25T06:00:00"));
  CHECK(at("2026-10-25T06:00:00") - at("2026-10-24T22:00:00") == 9h);
}

TEST_CASE("a warm-up allows so many a day, and everything after its last day") {
  const auto r = read(
      "[[source]]\nname = \"new\"\nwarm_up_from = \"2026-12-01\"\nwarm_up_per_day = [\"50\", "
      "\"100\"]\n");
  const auto* s = r->find_source("new");
  REQUIRE(s);
  CHECK(s->allowed_on(*parse_date("2026-11-30")) == 50);
  CHECK(s->allowed_on(*parse_date("2026-12-01")) == 50);
  CHECK(s->allowed_on(*parse_date("2026-12-02")) == 100);
  CHECK(s->allowed_on(*parse_date("2026-12-03")) == 0);
}

TEST_CASE("replies are told by the first pattern that matches, of the site or of all") {
  const auto r = read(R"(
[[site]]
id = "gmail"
hosts = ["google.com"]
[[reply]]
id = "gmail-rate"
site = "gmail"
text = ['4\.7\.28']
pause_s = 600
[[reply]]
id = "busy"
text = ["too many connections", '^421 ']
action = "slow"
)");
  const auto rate = refused(421, {4, 7, 28}, "unusual rate, too many connections");
  CHECK(r->advise("aspmx.l.google.com", rate).action == reply_action::pause);
  CHECK(r->advise("aspmx.l.google.com", rate).pause == 600s);
  CHECK(r->advise("aspmx.l.google.com", rate).rule == "gmail-rate");
  CHECK(r->advise("mx.example.hu", rate).action == reply_action::slow);
  CHECK(r->advise("mx.example.hu", refused(450, {4, 2, 1}, "greylisted")).action ==
        reply_action::none);
  auto taken = rate;
  taken.kind = smtp::outcome_kind::delivered;
  CHECK(r->advise("aspmx.l.google.com", taken).action == reply_action::none);
}

TEST_CASE("what is wrong in a pacing file is refused with its line") {
  CHECK(refusal("[default]\nconnections = 5\n").find("pacing.toml:2") == 0);
  CHECK(refusal("[default]\nrate = \"fast\"\n").find("pacing.toml:2: a rate is") == 0);
  CHECK(refusal("[[site]]\nid = \"x\"\n").find("name at least one mail host") != std::string::npos);
  CHECK(refusal("[[reply]]\nid = \"x\"\ntext = [\"(\"]\n").find("pacing.toml:3: no expression") ==
        0);
  CHECK(refusal("[[reply]]\nid = \"x\"\nsite = \"y\"\ntext = [\"a\"]\n")
            .find("no [[site]] has this id") != std::string::npos);
  CHECK(refusal("[[pool]]\nname = \"x\"\nsources = [\"a\"]\n").find("there is none") !=
        std::string::npos);
  CHECK(refusal("[[source]]\nname = \"a\"\n[[pool]]\nname = \"x\"\nsources = [\"b\"]\n")
            .find("pacing.toml:5: no [[source]]") == 0);
  CHECK(refusal("[[flow]]\nwindow = \"8-20\"\n").find("a window is") != std::string::npos);
  CHECK(refusal("[[flow]]\nwindow = \"08:00-20:00\"\ndays = [\"monday\"]\n").find("days are") !=
        std::string::npos);
  CHECK(refusal("[[flow]]\ncampaign = \"x\"\nper_day = 5\n").find("quotas are a tenant's") !=
        std::string::npos);
  CHECK(refusal("[[flow]]\npool = \"x\"\n").find("no [[pool]]") != std::string::npos);
  CHECK(refusal("[[source]]\nname = \"a\"\nwarm_up_per_day = [\"5\"]\n").find("go together") !=
        std::string::npos);
  CHECK(refusal("[[source]]\nname = \"a\"\nipv4 = \"::1\"\n").find("IPv4") != std::string::npos);
}
