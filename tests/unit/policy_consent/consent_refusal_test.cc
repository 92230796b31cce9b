// RULES D1: what a refused consent leaves in a person's history, and that it is bounded.
#include "policy/consent/consent_refusal.h"

#include <catch2/catch.hpp>

#include "tests/unit/policy_consent/import_world.h"

using namespace consentry;
using namespace std::string_literals;
using namespace consentry::policy::consent;
using namespace consentry::policy::consent::tests;

namespace {

struct refusal_world : world {
  bool refuse(std::string_view who, const std::string& reason,
              std::string_view when = "2026-03-15T12:00:00", const std::string& topic = "news",
              std::uint32_t tenant = 1) {
    return write([&](write_txn& txn) {
      return ledger.note_refused(txn, {key_of(who, topic, "Shop Kft.", tenant), reason},
                                 {at(when), "tenant:crm"});
    });
  }
  std::size_t noted() {
    std::size_t n = 0;
    for (const auto& kind : history()) n += kind == "consent_refused" ? 1 : 0;
    return n;
  }
  std::vector<journal::event> of(std::string_view who) {
    std::vector<journal::event> out;
    for (auto& e : journal.of_person(env.begin_read(), tenant_id{1}, person(who), 100))
      out.push_back(std::move(e.what));
    return out;
  }
};

const std::string bought = "import.provenance_forbidden", old = "import.too_old";

}  // namespace

TEST_CASE("D1: a refused consent stands in the person's history with its reason and rule") {
  refusal_world w;
  CHECK(w.refuse("jane", bought));
  const auto e = w.of("jane").at(0);
  CHECK(e.kind == journal::event_kind::consent_refused);
  CHECK(e.reason == bought);
  CHECK(e.rule == "A2.5.1");
  CHECK(e.topic == "news");
  CHECK(e.actor == "tenant:crm");
  CHECK(e.facts.at("sender") == "Shop Kft.");
  CHECK(w.of("john").empty());
  // No consent, and no person.
  CHECK_FALSE(w.find(key_of("jane")));
  CHECK_FALSE(w.ledger.find_person(w.env.begin_read(), tenant_id{1}, person("jane")));
}

TEST_CASE("D1: each reason names its rule") {
  for (const auto& [reason, rule] :
       std::vector<std::pair<const char*, const char*>>{{"consent.erased", "D4"},
                                                        {"import.topic_missing", "A1.2"},
                                                        {"import.method_implicit", "A2.5.1"},
                                                        {"import.evidence_missing", "A2.5.2"},
                                                        {"import.too_old", "A2.5.4"},
                                                        {"import.given_at_future", "A3"},
                                                        {"import.given_at_missing", "D2"},
                                                        {"import.tick_unknown", "D1"}})
    CHECK(rule_of_refusal(reason) == rule);
}

TEST_CASE("D1: who tries it in a loop leaves one entry for each reason, whatever the topic") {
  refusal_world w;
  for (int i = 0; i < 500; ++i) {
    CHECK(w.refuse("jane", bought, "2026-03-15T12:00:00", "t" + std::to_string(i)) == (i == 0));
    CHECK(w.refuse("jane", old, "2027-03-15T12:00:00") == (i == 0));
  }
  CHECK(w.noted() == 2);
  // Not even with reasons that are made up.
  for (int i = 0; i < 100; ++i) w.refuse("jane", "import." + std::to_string(i));
  CHECK(w.noted() == refusals_noted_in_a_row);
}

TEST_CASE("D1: after something else happened to the consents a refusal is told again") {
  refusal_world w;
  CHECK(w.refuse("jane", bought));
  w.put(key_of("jane"), given("2026-01-01"));
  CHECK(w.refuse("jane", bought));
  CHECK_FALSE(w.refuse("jane", bought));
  w.withdraw(key_of("jane"), "2026-02-01");
  CHECK(w.refuse("jane", bought));
  CHECK(w.noted() == 3);
}

TEST_CASE("D1: a tenant's refusals are noted up to a number a day in Budapest") {
  refusal_world w;
  const auto many = [&](const std::string& prefix, std::string_view when) {
    std::size_t noted = 0;
    for (std::uint32_t i = 0; i < refusals_noted_a_day + 50; ++i)
      noted += w.refuse(prefix + std::to_string(i), bought, when) ? 1 : 0;
    return noted;
  };
  CHECK(many("a", "2026-03-15T12:00:00") == refusals_noted_a_day);
  CHECK_FALSE(w.refuse("b", bought, "2026-03-15T23:59:59"));
  CHECK(w.refuse("b", bought, "2026-03-15T12:00:00", "news", 2));  // another tenant has its own
  CHECK(many("c", "2026-03-16T00:00:00") == refusals_noted_a_day);
  // Who was not noted is, on a day with room.
  CHECK(w.refuse("a" + std::to_string(refusals_noted_a_day), bought, "2026-03-17T12:00:00"));
}

TEST_CASE("D1: what stood in the row is cut to a bounded length") {
  refusal_world w;
  auto key = key_of("jane", std::string(4000, 't'), std::string(4000, 's'));
  w.write([&](write_txn& txn) {
    w.ledger.note_refused(txn, {key, bought}, {at("2026-03-15"), "tenant:crm"});
  });
  CHECK(w.of("jane").at(0).topic.size() <= refused_name_bytes_max + 3);
  CHECK(w.of("jane").at(0).facts.at("sender").size() <= refused_name_bytes_max + 3);
}

TEST_CASE("D1: a plan tells of the refused rows whose person is known, the first in the file") {
  const auto row = [](const std::string& who, const char* provenance) {
    return who + ",news,2026-03-01,web,"s + provenance + ",h\n";
  };
  const auto p =
      plan_text(import_header + "\n" + row("jane@b.hu", "purchased") + row("nobody", "purchased") +
                row("kata@b.hu", "own_form") + "eva@b.hu,,2026-03-01,web,own_form,h\n");
  REQUIRE(p.has_value());
  CHECK(p->plan.refused_count() == 3);
  REQUIRE(p->plan.refusals.size() == 2);
  CHECK(p->plan.refusals[0].key == key_of("jane"));
  CHECK(p->plan.refusals[0].reason == bought);
  CHECK(p->plan.refusals[1].key.person == person("eva"));
  CHECK(p->plan.refusals[1].reason == "import.topic_missing");
  // Of a long list so many, in its order, whatever the threads did.
  std::string list = import_header + "\n";
  for (int i = 0; i < 5000; ++i) list += row("p" + std::to_string(i) + "@b.hu", "rented");
  const auto long_one = plan_text(list, request(), lookup(), {.piece_bytes = 4096});
  REQUIRE(long_one.has_value());
  REQUIRE(long_one->plan.refusals.size() == refusals_noted_a_day);
  for (std::size_t i = 0; i < refusals_noted_a_day; ++i)
    CHECK(long_one->plan.refusals[i].key.person == person("p" + std::to_string(i)));
}

TEST_CASE("D4: that an erased person came again is told once") {
  refusal_world w;
  w.put(key_of("jane"), given("2026-01-01"));
  w.write([&](write_txn& txn) {
    w.ledger.erase_person(txn, tenant_id{1}, person("jane"), at("2026-03-01"), erased_method,
                          "asked", {at("2026-03-01"), "desk:anna"});
  });
  const auto list = import_header + "\njane@b.hu,news,2026-01-01,web,own_form,h\n";
  for (int i = 0; i < 3; ++i) CHECK(import_into(w, list).still_withdrawn == 1);
  std::vector<std::string> told;
  for (const auto& e : w.of("jane")) told.emplace_back(journal::to_string(e.kind));
  CHECK(told == std::vector<std::string>{"consent_given", "consent_erased", "consent_refused"});
  CHECK(w.of("jane").at(2).reason == "consent.erased");
  CHECK(w.of("jane").at(2).rule == "D4");
}
