#include "policy/decision_facts.h"

#include <random>

#include "base/bytes.h"
#include "tests/unit/policy/case.h"

using namespace consentry;
using namespace consentry::policy;
using policy::tests::good_case;

namespace {

const std::string person(16, 'p');

recalled_evidence again(const evidence& e) {
  return recall(encode_message_facts(e), encode_recipient_facts(e, person));
}

// All but where and what the patterns matched, which is not kept.
void check_same(const verdict& a, const verdict& b) {
  CHECK(a.decision == b.decision);
  CHECK(a.reason == b.reason);
  CHECK(a.rule == b.rule);
  CHECK(a.text == b.text);
  CHECK(a.dates == b.dates);
  CHECK(a.knobs == b.knobs);
  CHECK(a.tags == b.tags);
}

filters::finding found(const std::string& category, std::mt19937& random) {
  filters::finding f;
  f.pattern = "hu." + category + "." + std::to_string(random() % 5);
  f.category = category;
  f.language = "hu";
  f.zone = static_cast<filters::zone>(random() % 6);
  f.view = static_cast<int>(random() % 4);
  f.weight = static_cast<double>(random() % 130) / 10;
  f.score = f.weight * (random() % 2 == 0 ? 1 : 1.5);
  f.conclusive = f.pattern.ends_with('4');  // a pattern is, or is not
  f.matched = "Jane Doe";
  return f;
}

// Any evidence at all, good or bad.
struct any_case {
  evidence e;
  filters::scan_result scan;

  any_case(std::mt19937& random, instant now) {
    const auto pick = [&random](auto... values) {
      const std::array all{values...};
      return all[random() % all.size()];
    };
    const auto maybe = [&random] { return random() % 3 == 0; };
    const auto some_time = [&] { return now - std::chrono::hours{random() % 20'000}; };
    const auto some_day = [&] { return budapest_day(some_time()); };
    e.now = now;
    e.phase = pick(phase::rcpt, phase::message, phase::message);
    e.stream = static_cast<smtp::stream>(1 + random() % 4);
    e.tenant_name = "shop";
    e.tenant_state = static_cast<tenants::tenant_state>(1 + random() % 5);
    if (!maybe()) e.tenant_state = tenants::tenant_state::active;
    e.is_bulk_blocked = random() % 9 == 0;
    e.is_bulk_by_content = random() % 9 == 0;
    e.campaign = maybe() ? "" : "spring";
    e.topic = random() % 9 == 0 ? "" : "news";
    e.sender_identity = "Shop Kft.";
    e.sender_domain = "shop.example";
    e.domain_status =
        maybe() ? static_cast<sender_domain_status>(random() % 4) : sender_domain_status::verified;
    e.is_permission_request = random() % 15 == 0;
    e.recipient = "jane@example.hu";
    e.recipient_count = 1 + random() % 3;
    if (random() % 9 == 0)
      e.campaign_hold =
          campaign_hold_facts{.cause = static_cast<campaign_hold_cause>(1 + random() % 3),
                              .since = some_time(),
                              .part = random() % 300,
                              .whole = 300};
    if (maybe())
      e.preflight =
          preflight_facts{.failures = maybe() ? "dkim.missing" : "", .checked_at = some_time()};
    if (random() % 9 == 0)
      e.suspect = suspect_import{.import = "i000017", .score = static_cast<int>(random() % 101)};
    for (auto n = random() % 3; n > 0; --n)
      e.exemptions.push_back({.number = static_cast<std::uint32_t>(n),
                              .category = pick("S1", "S3", "S7"),
                              .approver = "desk:eva",
                              .reason = "licence",
                              .granted_at = some_time(),
                              .last_day = maybe() ? some_day() : budapest_day(now)});
    if (maybe())
      e.suppression = suppression_facts{
          .cause = pick(suppression_cause::complaint, suppression_cause::desk,
                        suppression_cause::unsubscribe, suppression_cause::bad_address),
          .since = some_time()};
    if (maybe())
      e.sign_up =
          sign_up_facts{.at = now - std::chrono::hours{random() % 30}, .is_mailed = maybe()};
    e.is_doi_template_approved = maybe();
    if (random() % 9 != 0) {
      consent::consent_record c;
      if (random() % 9 != 0) c.given_at = some_time();
      const auto set = [&](auto& t) {
        if (maybe()) t = some_time();
      };
      set(c.confirmed_at);
      if (random() % 5 == 0) set(c.withdrawn_at);
      set(c.unticked_at);
      set(c.objected_at);
      if (maybe()) c.purchase_day = some_day();
      if (maybe()) c.expires_on = budapest_day(now + std::chrono::hours{random() % 500});
      if (maybe()) c.declared_delivery_day = some_day();
      if (maybe()) c.first_delivery = consent::delivery_mark{.at = some_time(), .recipient = {7}};
      if (maybe()) c.last_delivery = consent::delivery_mark{.at = some_time(), .recipient = {9}};
      c.method = pick("web_form", "web_form", "implicit", " ");
      c.provenance = pick("own_form", "own_form", "purchased");
      if (!maybe()) c.notice.hash = "sha256:aa";
      if (maybe()) c.evidence_reference = "file 7";
      c.tick = static_cast<consent::tick_state>(random() % 4);
      if (maybe()) c.box_came_ticked = maybe();
      e.consent = c;
    }
    if (e.phase != phase::message) return;
    e.scan = &scan;
    scan.unscannable = random() % 9 == 0;
    scan.shows_sender_name = maybe();
    for (auto n = random() % 6; n > 0; --n) {
      auto f = found(pick("H1", "H4", "H5", "S3", "S4", "permission_request", "reminder"), random);
      const bool is_counted = std::ranges::none_of(
          scan.findings, [&](const auto& g) { return g.pattern == f.pattern; });
      if (is_counted) scan.scores[f.category] += f.score;
      scan.findings.push_back(std::move(f));
    }
  }
  any_case(const any_case&) = delete;
  any_case& operator=(const any_case&) = delete;
};

}  // namespace

TEST_CASE("E8 evidence that is kept and recalled is judged as it was: any evidence, any knobs") {
  std::mt19937 random{20261127};
  std::map<std::string, int> reasons;
  for (int round = 0; round < 5000; ++round) {
    const any_case c{random, tests::at("2026-11-27T10:00:00")};
    rule_knobs knobs;
    knobs.consent_require_doi = random() % 4 == 0;
    knobs.renewal_accept_declared = random() % 2 == 0;
    knobs.renewal_max_silence_months = static_cast<int>(random() % 2) * 6;
    knobs.consent_granularity =
        random() % 2 == 0 ? rule_knobs::granularity::day : rule_knobs::granularity::instant;
    knobs.unscannable_action = static_cast<rule_knobs::unscannable>(random() % 3);
    const auto set = make_policy_set(knobs, "any");
    const auto was = judge(*set, c.e);
    const auto recalled = again(c.e);
    INFO(round << " " << was.reason);
    check_same(was, judge(*set, recalled.with_scan()));
    CHECK(recalled.person == person);
    ++reasons[was.reason];
  }
  // It is no test of one refusal over and over.
  CHECK(reasons.size() > 20);
}

TEST_CASE("E8 the evidence kept holds no address, no piece of the mail, no proof") {
  good_case c;
  std::mt19937 random{1};
  auto f = found("S3", random);
  f.note = "jane@example.hu asked";
  c.scan.findings.push_back(f);
  c.scan.from_address = "jane@example.hu";
  c.scan.unscannable = true;
  c.scan.unscannable_because = {"jane@example.hu.zip is encrypted"};
  c.consent().ip = "192.0.2.7";
  c.consent().evidence_reference = "scan of jane's card";
  const auto bytes = encode_message_facts(c.e) + encode_recipient_facts(c.e, person);
  for (const auto* word : {"jane", "Jane", "192.0.2.7", "card", "zip"})
    CHECK(bytes.find(word) == std::string::npos);
  CHECK(person_in(encode_recipient_facts(c.e, person)) == person);
}

TEST_CASE("E8 the evidence of a plain mailing takes some hundred octets") {
  const good_case c;
  CHECK(encode_message_facts(c.e).size() < 90);
  CHECK(encode_recipient_facts(c.e, person).size() < 60);
}

TEST_CASE("recipients of one message share what is the message's") {
  const good_case a, b;
  CHECK(share_message_facts(a.e, b.e));
  CHECK(encode_message_facts(a.e) == encode_message_facts(b.e));
  good_case other;
  other.e.is_bulk_blocked = true;
  CHECK_FALSE(share_message_facts(a.e, other.e));
  other.e.is_bulk_blocked = false;
  other.e.suspect = suspect_import{.import = "i1", .score = 70};
  CHECK_FALSE(share_message_facts(a.e, other.e));
}

TEST_CASE("facts that are cut off or of another version are told from good ones") {
  const good_case c;
  const auto message = encode_message_facts(c.e);
  const auto recipient = encode_recipient_facts(c.e, person);
  for (std::size_t n = 0; n < message.size(); ++n)
    CHECK_THROWS_AS(recall(message.substr(0, n), recipient), decode_error);
  for (std::size_t n = 0; n < recipient.size(); ++n)
    CHECK_THROWS_AS(recall(message, recipient.substr(0, n)), decode_error);
  CHECK_THROWS_AS(recall(message + "x", recipient), decode_error);
  CHECK_THROWS_AS(recall("\x02" + message.substr(1), recipient), decode_error);
}
