// Rights of persons over the rooms: erasure with its physical end, report, correction.
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>

#include "app/person_correction.h"
#include "base/text.h"
#include "tests/unit/app/erasure_world.h"

using namespace consentry;
using namespace consentry::app;
using namespace consentry::tests;
using policy::consent::put_outcome;

TEST_CASE("A2.10, D4: an erased person is in no raw file of the store after the maintenance") {
  erasure_world w;
  w.give_consent(w.shop, jane, "news", w.clock.now());
  w.give_consent(w.shop, "bob@example.hu", "news", w.clock.now());
  w.name_person(jane, "Jane Doe-Kovacs");
  w.name_person("bob@example.hu", "Bob");
  const auto hers = w.send(letter_to_jane, {jane});
  const auto bobs =
      w.send("To: bob@example.hu\r\nSubject: x\r\n\r\nDear Bob\r\n", {"bob@example.hu"});
  const auto shared = w.send(
      "To: \"Jane Doe-Kovacs\" <Jane.Doe@example.hu>, bob@example.hu\r\nSubject: "
      "y\r\n\r\nHello\r\n",
      {jane, "bob@example.hu"});
  std::filesystem::create_directories(w.store / "imports");
  std::ofstream{w.store / "imports/1.csv"} << "email,name\njane.doe@example.hu,Jane Doe-Kovacs\n"
                                              "bob@example.hu,Bob\n";
  // Before: everywhere.
  CHECK(w.files_with("jane.doe@example.hu").size() >= 3);
  CHECK(w.files_with("Jane Doe-Kovacs").size() >= 3);

  const auto done = w.erase();
  CHECK(done.consents == 1);
  CHECK(done.cancelled == 2);
  CHECK(done.redacted == 1);
  CHECK(done.files == 1);
  CHECK(done.was_known);
  // Unreadable at once.
  CHECK(w.recipient({hers.value + 1})->state == queue::recipient_state::cancelled);
  CHECK(w.recipient({hers.value + 1})->address.empty());
  CHECK(w.recipient({hers.value + 1})->orcpt.empty());
  CHECK(w.recipient({shared.value + 1})->state == queue::recipient_state::cancelled);
  CHECK(w.recipient({shared.value + 2})->state == queue::recipient_state::queued);
  CHECK(w.recipient({bobs.value + 1})->state == queue::recipient_state::queued);
  const auto person = w.person_of(w.shop, jane);
  CHECK_FALSE(w.read([&](read_txn& txn) {
    return w.rooms.consents.find_person(txn, w.shop, person).has_value();
  }));

  w.maintenance.work().value();
  CHECK(w.files_with("ane.doe").empty());
  CHECK(w.files_with("ane.Doe").empty());
  CHECK(w.files_with("Jane Doe-Kovacs").empty());
  // What is not hers is whole.
  CHECK(w.files_with("Dear Bob").size() == 1);
  const auto body = [&](message_id id) {
    return w.rooms.bodies.read(w.message_of({id.value + 1}).body_at).value();
  };
  CHECK(body(bobs) == "To: bob@example.hu\r\nSubject: x\r\n\r\nDear Bob\r\n");
  CHECK(body(shared) ==
        "To: \"erased\" <erased@erased.invalid>, bob@example.hu\r\nSubject: y\r\n\r\nHello\r\n");
  const auto record =
      w.read([&](read_txn& txn) { return w.rooms.erasures.find(txn, w.shop, person).value(); });
  CHECK(record.gone_at.has_value());
  CHECK(w.read([&](read_txn& txn) { return w.rooms.erasures.pending(txn).count; }) == 0);
  const auto erased = w.events(journal::event_kind::consent_erased);
  REQUIRE(erased.size() == 1);
  CHECK(erased[0].person == person);
  CHECK(erased[0].reason == "letter of May 3");
}

TEST_CASE("D4: what was given before the erasure is refused, what is newer is taken") {
  erasure_world w;
  const auto before = w.clock.now() - std::chrono::hours{48};
  w.give_consent(w.shop, jane, "news", before);
  w.erase();
  const auto key = w.key_of(w.shop, jane, "news");
  // Older and equal: not even stored.
  w.give_consent(w.shop, jane, "news", before);
  w.give_consent(w.shop, jane, "other", w.clock.now());
  CHECK(w.read([&](read_txn& txn) {
    return w.rooms.consents.list(txn, w.shop, key.person).size() == 1 &&
           w.rooms.consents.find(txn, key)->is_withdrawn();
  }));
  // A withdrawal that comes later does not turn the tombstone into an ordinary withdrawal.
  w.clock.advance(std::chrono::hours{1});
  w.change([&](write_txn& txn) {
    w.rooms.consents.withdraw_all(txn, w.shop, key.person, w.clock.now(), "one_click",
                                  {.at = w.clock.now(), .actor = "one_click"});
  });
  w.give_consent(w.shop, jane, "news", before);
  CHECK(w.read(
      [&](read_txn& txn) { return w.rooms.consents.list(txn, w.shop, key.person).size() == 1; }));
  w.clock.advance(std::chrono::hours{1});
  w.give_consent(w.shop, jane, "news", w.clock.now());
  CHECK_FALSE(
      w.read([&](read_txn& txn) { return w.rooms.consents.find(txn, key)->is_withdrawn(); }));
}

TEST_CASE("A2.10, A2.5.3: a sign-up that waits is told, and erased with its address") {
  erasure_world w;
  const auto hers = w.sign_up(w.shop, jane, "news");
  const auto bobs = w.sign_up(w.shop, "bob@example.hu", "news");
  CHECK(w.files_with(jane).size() == 1);
  CHECK(w.report().at("sign_ups").at(0).at("topic").as_string() == "news");
  // Nothing else is known of her, and that is enough.
  CHECK(erase_everywhere(w.parts, jane, "letter", "desk:eva").value().size() == 1);
  const auto is_there = [&](policy::consent::sign_up_id id) {
    return w.read([&](read_txn& txn) { return w.rooms.sign_ups.find(txn, id).has_value(); });
  };
  CHECK_FALSE(is_there(hers.id));
  CHECK(is_there(bobs.id));
  CHECK(w.report().at("sign_ups").as_array().empty());
  w.maintenance.work().value();
  CHECK(w.files_with(jane).empty());
}

TEST_CASE("an erasure asked for twice is one") {
  erasure_world w;
  w.give_consent(w.shop, jane, "news", w.clock.now());
  CHECK(w.erase().was_known);
  const auto again = w.erase();
  CHECK_FALSE(again.was_known);
  CHECK(again.cancelled == 0);
  CHECK(w.events(journal::event_kind::consent_erased).size() == 1);
  CHECK(w.read([&](read_txn& txn) { return w.rooms.erasures.pending(txn).count; }) >= 1);
}

TEST_CASE("the reason of an erasure must not name the person") {
  erasure_world w;
  const auto no = erase_person(w.parts, {.tenant = w.shop,
                                         .address = jane,
                                         .reason = "Jane.Doe@example.hu wrote to us",
                                         .actor = "desk:eva"});
  CHECK(no.error().kind == failure_kind::invalid);
}

TEST_CASE("notices about an erased person are cancelled, or redacted where they tell of others") {
  erasure_world w;
  const auto notice = [&](const std::string& told) {
    auto spooled = w.rooms.bodies.append("Subject: Undelivered\r\n\r\n" + told).value();
    queue::queued_message m;
    m.tenant = w.shop;
    m.stream = smtp::stream::transactional;
    m.is_notice = true;
    m.accepted_at = w.clock.now();
    m.expires_at = w.clock.now() + std::chrono::hours{72};
    m.body_at = spooled.location;
    queue::queued_recipient r;
    r.address = "news@shop.test";
    r.domain = "shop.test";
    r.next_attempt_at = r.changed_at = w.clock.now();
    message_id id;
    w.change([&](write_txn& txn) { id = w.rooms.queue.accept(txn, m, {&r, 1}); });
    return id;
  };
  const auto alone = notice("Final-Recipient: rfc822; jane.doe@example.hu\r\n");
  const auto both = notice(
      "Final-Recipient: rfc822; jane.doe@example.hu\r\nFinal-Recipient: rfc822; "
      "bob@example.hu\r\n");
  const auto other = notice("Final-Recipient: rfc822; bob@example.hu\r\n");
  const auto done = w.erase();
  CHECK(done.notices == 1);
  CHECK(done.redacted == 1);
  CHECK(w.recipient({alone.value + 1})->state == queue::recipient_state::cancelled);
  CHECK(w.recipient({other.value + 1})->state == queue::recipient_state::queued);
  const auto text = w.rooms.bodies.read(w.message_of({both.value + 1}).body_at).value();
  CHECK(text.find("jane") == std::string::npos);
  CHECK(text.find("bob@example.hu") != std::string::npos);
}

TEST_CASE("ended mail keeps no text that names an erased person") {
  erasure_world w;
  outcome_recorder recorder{w.rooms, w.clock};
  const auto id = w.send(letter_to_jane, {jane});
  policy::verdict v;
  v.matches.push_back({.pattern = "p", .category = "S1", .matched = "for Jane Doe"});
  w.change([&](write_txn& txn) { w.rooms.verdicts.put(txn, {id.value + 1}, w.clock.now(), v); });
  w.settle(recorder, {id.value + 1}, app_world::delivered());
  CHECK(w.message_of({id.value + 1}).original_message_id.find("jane.doe") != std::string::npos);
  CHECK(w.erase().scrubbed >= 2);
  CHECK(w.message_of({id.value + 1}).original_message_id == "<77.(erased)@crm.test>");
  const auto after =
      w.read([&](read_txn& txn) { return w.rooms.verdicts.find(txn, {id.value + 1}); });
  REQUIRE(after);
  CHECK(after->matches.at(0).matched.empty());
  CHECK(after->matches.at(0).pattern == "p");
  w.maintenance.work().value();
  CHECK(w.files_with("jane.doe@example.hu").empty());
}

TEST_CASE("an erasure in every tenant leaves no trace where nobody was known") {
  erasure_world w;
  const auto other = w.add_tenant("other");
  const auto third = w.add_tenant("third");
  w.give_consent(w.shop, jane, "news", w.clock.now());
  w.give_consent(third, jane, "news", w.clock.now());
  w.name_person(jane, "Jane Doe");
  const auto hers = policy::tenants::platform_pseudonym(w.rooms.platform_key, jane);
  w.change([&](write_txn& txn) {
    w.rooms.suppressions.add(txn, tenant_id{}, hers,
                             {.reason = reputation::suppression_reason::manual,
                              .source = "Jane Doe called",
                              .at = w.clock.now()},
                             "desk:eva");
  });
  const auto done = erase_everywhere(w.parts, jane, "letter", "desk:eva").value();
  REQUIRE(done.size() == 2);
  // The platform's suppression protects her still; who said so is gone.
  const auto kept = w.read([&](read_txn& txn) {
    return w.rooms.suppressions.find(txn, tenant_id{}, hers, w.clock.now());
  });
  REQUIRE(kept);
  CHECK(kept->source == "erased");
  CHECK(done[0].first == w.shop);
  CHECK(done[1].first == third);
  CHECK(w.read([&](read_txn& txn) {
    return w.rooms.consents.list(txn, other, w.person_of(other, jane)).empty();
  }));
}

TEST_CASE("GDPR 15: the report tells everything that is held, and of nobody else") {
  erasure_world w;
  outcome_recorder recorder{w.rooms, w.clock};
  w.give_consent(w.shop, jane, "news", w.clock.now());
  w.give_consent(w.shop, "bob@example.hu", "news", w.clock.now());
  w.name_person(jane, "Jane Doe");
  w.suppress(w.shop, jane, reputation::suppression_reason::complaint);
  const auto id = w.send(letter_to_jane, {jane});
  w.send("x\r\n\r\n", {"bob@example.hu"});
  w.settle(recorder, {id.value + 1}, app_world::delivered());
  w.change(
      [&](write_txn& txn) { w.rooms.tally.record_complaint(txn, {id.value + 1}, w.clock.now()); });
  const auto r = w.report();
  CHECK(r.at("person").at("address").as_string() == jane);
  CHECK(r.at("person").at("name").as_string() == "Jane Doe");
  CHECK(r.at("consents").as_array().size() == 1);
  CHECK(r.at("suppressions").at(0).at("reason").as_string() == "complaint");
  REQUIRE(r.at("mails").as_array().size() == 1);
  const auto& mail = r.at("mails").at(0).as_object();
  CHECK(mail.at("campaign").as_string() == "spring");
  CHECK(mail.at("outcome").as_string() == "delivered");
  CHECK(mail.at("complaints").as_array().size() == 1);
  CHECK_FALSE(r.at("events").as_array().empty());
  for (const auto& e : r.at("events").as_array())
    CHECK(e.at("person").as_string() == r.at("person").at("pseudonym").as_string());
  CHECK(boost::json::serialize(r).find("bob") == std::string::npos);
  CHECK_FALSE(r.at("truncated").as_bool());
  w.erase();
  const auto after = w.report();
  CHECK_FALSE(after.at("person").as_object().contains("address"));
  CHECK(after.at("erased").at("reason").as_string() == "letter of May 3");
}

TEST_CASE("GDPR 16: a corrected address takes no consent along unless the tenant says so") {
  for (const bool moves : {false, true}) {
    erasure_world w;
    w.give_consent(w.shop, jane, "news", w.clock.now() - std::chrono::hours{5});
    w.withdraw(w.shop, jane, "offers");
    w.name_person(jane, "Jane Doe");
    const auto id = w.send(letter_to_jane, {jane});
    const auto done = correct_person(w.parts, {.tenant = w.shop,
                                               .address = jane,
                                               .new_address = "jane.dow@example.hu",
                                               .moves_consents = moves,
                                               .reason = "misspelt",
                                               .actor = "desk:eva"})
                          .value();
    CHECK(done.cancelled == 1);
    CHECK(w.recipient({id.value + 1})->state == queue::recipient_state::cancelled);
    CHECK(done.consents_moved == (moves ? 1 : 0));
    const auto key = w.key_of(w.shop, "jane.dow@example.hu", "news");
    const auto offers = w.key_of(w.shop, "jane.dow@example.hu", "offers");
    w.read([&](read_txn& txn) {
      const auto c = w.rooms.consents.find(txn, key);
      CHECK(c.has_value() == moves);
      // A withdrawal goes along in any case.
      CHECK(w.rooms.consents.find(txn, offers)->is_withdrawn());
      CHECK(w.rooms.consents.find_person(txn, w.shop, key.person)->name == "Jane Doe");
      CHECK_FALSE(w.rooms.consents.find_person(txn, w.shop, w.person_of(w.shop, jane)));
      return 0;
    });
    CHECK(w.events(journal::event_kind::consent_corrected).size() == 2);
    w.maintenance.work().value();
    CHECK(w.files_with("jane.doe@example.hu").empty());
  }
}

TEST_CASE("GDPR 16: a corrected name is written as it is, and a wrong request changes nothing") {
  erasure_world w;
  w.give_consent(w.shop, jane, "news", w.clock.now());
  w.name_person(jane, "Jane Do");
  correction_request r{.tenant = w.shop,
                       .address = jane,
                       .name = "Jane Doe",
                       .reason = "misspelt",
                       .actor = "desk:eva"};
  CHECK(correct_person(w.parts, r).has_value());
  CHECK(w.report().at("person").at("name").as_string() == "Jane Doe");
  r.reason = " ";
  CHECK(correct_person(w.parts, r).error().kind == failure_kind::invalid);
  r.reason = "x";
  r.address = "nobody@example.hu";
  CHECK(correct_person(w.parts, r).error().kind == failure_kind::not_found);
  w.give_consent(w.shop, "bob@example.hu", "news", w.clock.now());
  r.address = jane;
  r.new_address = "bob@example.hu";
  CHECK(correct_person(w.parts, r).error().kind == failure_kind::conflict);
}

TEST_CASE("maintenance is due by the age of the oldest erasure") {
  erasure_world w;
  w.give_consent(w.shop, jane, "news", w.clock.now());
  w.erase();
  CHECK(w.maintenance.status().at("pending_erasures") == 1);
  w.maintenance.ask().value();
  CHECK(w.maintenance.ask().error().kind == failure_kind::conflict);
  w.maintenance.work().value();
  const auto status = w.maintenance.status();
  CHECK(status.at("pending_erasures") == 0);
  CHECK(status.at("last").at("done").as_bool());
  CHECK(status.at("last").at("database").as_object().contains("longest_writer_pause_ms"));
}
