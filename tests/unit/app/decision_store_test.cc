// What is kept of decisions goes with the person (RULES A2 10, D4).
#include "app/decision_store.h"

#include <catch2/catch.hpp>

#include "tests/unit/app/erasure_world.h"

using namespace consentry;
using namespace consentry::app;
using namespace consentry::tests;

namespace {

struct world : erasure_world {
  const std::string bob = "bob@example.hu";

  policy::evidence evidence() {
    policy::evidence e;
    e.now = clock.now();
    e.tenant_name = "shop";
    e.campaign = "spring";
    return e;
  }
  // A message to these, in order; the first recipient's number.
  recipient_id decide(const std::vector<std::string>& to, const std::string& mail) {
    recipient_id first;
    change([&](write_txn& txn) {
      const auto text = keep_text(mail);
      const message_id m{rooms.ids.take(txn, to.size() + 1)};
      first = {m.value + 1};
      facts_collector facts;
      decision_store::recording kept{txn, rooms.decisions, shop, m, clock.now(), &text};
      for (std::size_t i = 0; i < to.size(); ++i)
        kept.put({first.value + i}, facts.take(evidence(), person_of(shop, to[i])));
    });
    return first;
  }
  std::optional<kept_decision> find(recipient_id r) {
    return read([&](read_txn& txn) { return rooms.decisions.find(txn, r); });
  }
  bool has_text(recipient_id r) {
    return read([&](read_txn& txn) { return rooms.decisions.packed_text(txn, r).has_value(); });
  }
};

std::string encoded_letter() {
  return "From: news@shop.test\r\nTo: bob@example.hu\r\nSubject: x\r\nContent-Transfer-Encoding: "
         "base64\r\n\r\n" +
         std::string{"SGVsbG8gQm9iLCBqYW5lLmRvZUBleGFtcGxlLmh1IHNheXMgaGVsbG8uDQo="} + "\r\n";
}

}  // namespace

TEST_CASE("E8 recipients of a message share its part, and each is found again") {
  world w;
  const auto first = w.decide({jane, w.bob}, letter_to_jane);
  for (const auto r : {first, recipient_id{first.value + 1}}) {
    const auto d = w.find(r);
    REQUIRE(d);
    CHECK(d->message.value == first.value - 1);
    CHECK(d->tenant == w.shop);
    CHECK(d->at == w.clock.now());
    CHECK(d->text == first);
    CHECK(d->facts.evidence.campaign == "spring");
  }
  CHECK(w.find(first)->facts.person == w.person_of(w.shop, jane));
  CHECK(w.find({first.value + 1})->facts.person == w.person_of(w.shop, w.bob));
  CHECK_FALSE(w.find({first.value + 2}));
  recipient_id next;
  const auto page =
      w.read([&](read_txn& txn) { return w.rooms.decisions.page(txn, {}, {}, 1, next); });
  REQUIRE(page.size() == 1);
  CHECK(page[0].recipient.value == first.value + 1);
  CHECK(w.read([&](read_txn& txn) {
           return w.rooms.decisions.page(txn, {}, next, 10, next);
         }).size() == 1);
  CHECK_FALSE(next);
}

TEST_CASE(
    "A2.10 the evidence of an erased person's decisions goes, and every text that names them") {
  world w;
  w.give_consent(w.shop, jane, "news", w.clock.now());
  const auto shared = w.decide({jane, w.bob}, letter_to_jane);
  const auto named = w.decide({w.bob}, "To: bob@example.hu\r\n\r\njane.doe@example.hu asks\r\n");
  const auto hidden = w.decide({w.bob}, encoded_letter());
  const auto bobs = w.decide({w.bob}, "To: bob@example.hu\r\n\r\nDear Bob\r\n");
  // The same text to her: it went to her, whatever it says.
  const auto same = w.decide({jane}, "To: bob@example.hu\r\n\r\nDear all\r\n");
  w.erase();
  CHECK_FALSE(w.find(shared));
  CHECK(w.find({shared.value + 1}));  // its message's part stays
  CHECK(w.find({shared.value + 1})->facts.evidence.campaign == "spring");
  CHECK_FALSE(w.find(same));
  for (const auto r : {shared, named, hidden, same}) CHECK_FALSE(w.has_text(r));
  CHECK(w.find(named));
  CHECK(w.has_text(bobs));
  // A later message with a text that was erased is kept anew.
  const auto again = w.decide({w.bob}, letter_to_jane);
  CHECK(w.find(again)->text == again);
  // Gone from the disk as well.
  const auto person = w.person_of(w.shop, jane);
  w.maintenance.work().value();
  CHECK(w.read([&](read_txn& txn) {
           recipient_id from;
           return w.rooms.decisions.of_person(txn, w.shop, person, from, 1000);
         }).empty());
}

TEST_CASE("A2.2 the same pseudonym or text in another tenant's decisions is not touched") {
  world w;
  const auto other = w.add_tenant("other");
  const auto hers = w.decide({jane}, letter_to_jane);
  recipient_id others;
  w.change([&](write_txn& txn) {
    others = {w.rooms.ids.take(txn, 2) + 1};
    const auto text = keep_text(letter_to_jane);
    facts_collector facts;
    decision_store::recording kept{
        txn, w.rooms.decisions, other, {others.value - 1}, w.clock.now(), &text};
    kept.put(others, facts.take(w.evidence(), w.person_of(w.shop, jane)));
  });
  w.erase();
  CHECK_FALSE(w.find(hers));
  CHECK(w.find(others));
  CHECK(w.has_text(others));
}
