// A case in which everything is in order; each test changes what it is about.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "base/civil_date.h"
#include "policy/judge.h"

namespace consentry::policy::tests {

inline instant at(std::string_view text) {
  const auto t = parse_timestamp(text);
  REQUIRE(t);
  return *t;
}

inline consent::consent_record consent_of(std::string_view given) {
  consent::consent_record r;
  r.sender = "Shop Kft.";
  r.topic = "news";
  r.given_at = at(given);
  r.method = "web_form";
  r.provenance = "own_form";
  r.notice.hash = "sha256:aa";
  return r;
}

// Good mail of an active tenant, sent on that instant, with consent given then.
struct good_case {
  evidence e;
  filters::scan_result scan;
  rule_knobs knobs;

  explicit good_case(std::string_view given = "2024-03-15T10:00:00",
                     std::string_view now = "2024-06-01T09:00:00") {
    e.phase = phase::message;
    e.now = at(now);
    e.stream = smtp::stream::bulk;
    e.tenant_name = "shop";
    e.tenant_state = tenants::tenant_state::active;
    e.campaign = "spring";
    e.topic = "news";
    e.sender_identity = "Shop Kft.";
    e.sender_domain = "shop.example";
    e.domain_status = sender_domain_status::verified;
    e.recipient = "jane@example.hu";
    e.consent = consent_of(given);
    e.sign_up = sign_up_facts{.at = e.now - std::chrono::hours{1}};
    e.is_doi_template_approved = true;
    e.scan = &scan;
    // It says why it comes, and who writes.
    scan.scores["reminder"] = 1;
    scan.shows_sender_name = true;
  }
  good_case(const good_case&) = delete;
  good_case& operator=(const good_case&) = delete;

  consent::consent_record& consent() { return *e.consent; }
  void deliver(std::string_view when, std::uint64_t id = 1) {
    consent::add_delivery(*e.consent, {at(when), recipient_id{id}});
  }
  verdict judged() const { return judge(*make_policy_set(knobs, "test"), e); }
  std::string reason() const { return judged().reason; }
  std::string outcome() const {
    const auto v = judged();
    return std::string{to_string(v.decision)} + " " + v.reason;
  }
};

}  // namespace consentry::policy::tests
