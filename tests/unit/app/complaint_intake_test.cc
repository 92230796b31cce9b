#include "app/complaint_intake.h"

#include <catch2/catch.hpp>

#include "tests/unit/app/complaint_world.h"

using namespace consentry;
using namespace consentry::app;
using namespace consentry::tests;
using journal::event_kind;
using smtp::auth::dkim_result;
using smtp::auth::dkim_status;

namespace {

const std::vector<reporter> listed{
    {.name = "Listed", .dkim_domains = {"a.example", "arf.listed.example"}},
    {.name = "Other", .dkim_domains = {"other.example"}}};

dkim_result signature(std::string domain, dkim_status status, bool has_length_limit = false,
                      bool is_testing = false) {
  dkim_result r;
  r.domain = std::move(domain);
  r.status = status;
  r.has_length_limit = has_length_limit;
  r.is_testing = is_testing;
  if (status != dkim_status::pass) r.reason = "bad";
  return r;
}

}  // namespace

TEST_CASE("a report is its reporter's word only with a valid signature of a listed domain") {
  struct row {
    std::vector<dkim_result> signatures;
    const char* reporter;
    const char* why_not;
    std::string from = "a.example";
  };
  for (const row& r : {
           row{{}, "", "unsigned"},
           row{{signature("a.example", dkim_status::pass)}, "Listed", ""},
           row{{signature("OTHER.example", dkim_status::pass)}, "Other", "", "other.example"},
           // Aligned: the domain or below it, and nobody else's.
           row{{signature("a.example", dkim_status::pass)}, "Listed", "", "mx.a.example"},
           row{{signature("a.example", dkim_status::pass)}, "", "From is not", "xa.example"},
           row{{signature("a.example", dkim_status::pass)}, "", "From is not", "example"},
           row{{signature("a.example", dkim_status::fail)}, "", "does not verify"},
           row{{signature("a.example", dkim_status::permerror)}, "", "does not verify"},
           row{{signature("a.example", dkim_status::temperror)}, "", "does not verify"},
           row{{signature("a.example", dkim_status::none)}, "", "does not verify"},
           row{{signature("a.example", dkim_status::pass, true)}, "", "only a part of the body"},
           // RFC 6376 section 3.6.1, t=y: as good as unsigned.
           row{{signature("a.example", dkim_status::pass, false, true)}, "", "test"},
           row{{signature("b.example", dkim_status::pass)}, "", "not listed: b.example"},
           // Neither a parent nor a child of a listed domain.
           row{{signature("x.a.example", dkim_status::pass)}, "", "not listed"},
           row{{signature("listed.example", dkim_status::pass)}, "", "not listed"},
           row{{signature("b.example", dkim_status::pass),
                signature("a.example", dkim_status::pass)},
               "Listed",
               ""},
           row{{signature("a.example", dkim_status::fail),
                signature("other.example", dkim_status::pass)},
               "Other",
               "",
               "other.example"},
       }) {
    const auto p = prove(r.signatures, "fbl@" + r.from, listed);
    CHECK(p.reporter == r.reporter);
    CHECK_THAT(p.why_not, Catch::Contains(r.why_not));
    CHECK(p.why_not.empty() == !p.reporter.empty());
  }
  CHECK(prove({signature("A.Example", dkim_status::pass)}, "x@a.example", listed).dkim_domain ==
        "a.example");
  CHECK(prove({signature("a.example", dkim_status::pass)}, "x@a.example", {}).reporter.empty());
}

TEST_CASE("a reporter that names its addresses is believed from these only") {
  const std::vector<reporter> named{
      {.name = "Provider", .dkim_domains = {"a.example"}, .from = {"staff@a.example"}}};
  const std::vector<dkim_result> signed_by_it{signature("a.example", dkim_status::pass)};
  CHECK(prove(signed_by_it, "staff@a.example", named).reporter == "Provider");
  CHECK(prove(signed_by_it, "customer@a.example", named).reporter.empty());
  CHECK(prove(signed_by_it, "", named).reporter.empty());
}

TEST_CASE("a listed reporter whose key cannot be read now may pass later") {
  const auto later = [](const std::vector<dkim_result>& s) {
    return prove(s, "x@other.example", listed).may_pass_later;
  };
  CHECK(later({signature("A.example", dkim_status::temperror)}));
  CHECK(later(
      {signature("a.example", dkim_status::temperror), signature("b.example", dkim_status::pass)}));
  CHECK_FALSE(
      later({signature("b.example", dkim_status::temperror)}));  // strangers are not asked back
  CHECK_FALSE(later({signature("a.example", dkim_status::fail)}));
  CHECK_FALSE(later({signature("a.example", dkim_status::temperror),
                     signature("other.example", dkim_status::pass)}));
}

TEST_CASE("RULES C3: what each type of report does") {
  const auto ring = tests::fixed_tokens();
  struct row {
    const char* type;
    bool suppresses, counts, reverses;
  };
  for (const row& r : {
           row{"abuse", true, true, false},
           row{"fraud", true, true, false},
           row{"virus", true, true, false},
           row{"not-spam", false, false, true},
           row{"opt-out", true, false, false},
           row{"opt-out-list", true, false, false},
           row{"auth-failure", false, false, false},
           row{"other", false, false, false},
           row{"whatever", false, false, false},
       }) {
    INFO(r.type);
    reputation::feedback_report report;
    report.type = r.type;
    report.incidents = 500;
    report.tokens = {{.text = ring->make(recipient_id{9}, smtp::token_purpose::message_id),
                      .purpose = smtp::token_purpose::message_id}};
    const auto w = weigh(report, proven, *ring);
    CHECK(w.type == r.type);
    CHECK(w.recipient == recipient_id{9});
    CHECK(w.suppresses == r.suppresses);
    CHECK(w.may_count == r.counts);
    CHECK(w.reverses == r.reverses);
    // Nobody's word moves no counter, in either direction; the token alone still suppresses (C2).
    const auto u = weigh(report, unproven, *ring);
    CHECK(u.suppresses == r.suppresses);
    CHECK_FALSE(u.may_count);
    CHECK_FALSE(u.reverses);
    CHECK(u.why_not == "unsigned");
  }
}

TEST_CASE("any one token that survives leads to the mail, and only where it was made for") {
  const auto ring = tests::fixed_tokens();
  using smtp::token_purpose;
  for (const auto made : {token_purpose::return_path, token_purpose::message_id,
                          token_purpose::unsubscribe, token_purpose::feedback})
    for (const auto found : {token_purpose::return_path, token_purpose::message_id,
                             token_purpose::unsubscribe, token_purpose::feedback}) {
      reputation::feedback_report report;
      report.type = "abuse";
      report.tokens = {{.text = std::string(40, 'a'), .purpose = found},
                       {.text = ring->make(recipient_id{9}, made), .purpose = found}};
      const auto w = weigh(report, proven, *ring);
      CHECK(w.recipient.has_value() == (made == found));
      CHECK(w.may_count == (made == found));
      if (made != found) CHECK(w.why_not == "no token of ours in it");
    }
}

TEST_CASE("a verified complaint is counted once, and suppresses") {
  complaint_world w;
  const auto r = w.deliver(w.shop, 3);
  CHECK(w.report(abuse(r)).empty());
  CHECK(w.counted() == "yes");
  CHECK(w.complaints_of(w.shop) == 1);
  const auto s = w.suppression_of(w.shop, "spring0@one.test");
  REQUIRE(s.has_value());
  CHECK(s->reason == reputation::suppression_reason::complaint);
  CHECK_FALSE(w.suppression_of(w.shop, "spring1@one.test"));

  w.clock.advance(std::chrono::hours{1});
  w.report(abuse(r));
  CHECK(w.counted() == "duplicate");
  CHECK(w.complaints_of(w.shop) == 1);

  const auto e = w.events(event_kind::complained).at(0);
  CHECK(e.tenant == w.shop);
  CHECK(e.campaign == "spring");
  CHECK(e.recipient == r);
  CHECK(e.person == w.person_of(w.shop, "spring0@one.test"));
  CHECK(e.facts.at("reporter") == "Listed");
}

TEST_CASE("a forged report suppresses and moves no counter, however many come") {
  complaint_world w;
  const auto r = w.deliver(w.shop, 5);
  for (std::uint64_t i = 0; i < 5; ++i)
    CHECK(w.report(forged(recipient_id{r.value + i}), unproven).empty());
  CHECK(w.counted() == "unsigned");
  CHECK(w.complaints_of(w.shop) == 0);
  CHECK(w.suppression_of(w.shop, "spring4@one.test").has_value());
  CHECK_FALSE(w.rooms.blocker.is_bulk_closed(w.shop));
  CHECK(w.events(event_kind::standing_changed).empty());
}

TEST_CASE("not-spam takes one back, and suppresses nobody") {
  complaint_world w;
  const auto r = w.deliver(w.shop, 2);
  w.report(abuse(r));
  w.clock.advance(std::chrono::minutes{1});
  w.report(not_spam(r));
  CHECK(w.counted() == "reversed");
  CHECK(w.complaints_of(w.shop) == 0);
  w.report(not_spam(recipient_id{r.value + 1}));
  CHECK(w.counted() == "nothing to reverse");
  CHECK_FALSE(w.suppression_of(w.shop, "spring1@one.test"));
}

TEST_CASE("C*1000 > max(N, 1000) blocks the tenant at once, and no other") {
  complaint_world w;
  const auto rival = w.add_tenant("rival");
  const auto other = w.deliver(rival, 3);
  const auto r = w.deliver(w.shop, 900);
  CHECK(w.report(abuse(r)).empty());  // C1 N900: 1000 > 1000 is false
  CHECK(w.report(abuse(other)).empty());
  CHECK_FALSE(w.rooms.blocker.is_bulk_closed(w.shop));

  CHECK(w.report(abuse(recipient_id{r.value + 1})) == std::vector{w.shop});  // C2 N900
  CHECK(w.rooms.blocker.is_bulk_closed(w.shop));
  CHECK_FALSE(w.rooms.blocker.is_bulk_closed(rival));
  const auto changes = w.events(event_kind::standing_changed);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].tenant == w.shop);

  // Blocked already: nothing new is decided, but the third person is still heard.
  CHECK(w.report(abuse(recipient_id{r.value + 2})).empty());
  CHECK(w.counted() == "yes");
  CHECK(w.suppression_of(w.shop, "spring2@one.test").has_value());
}

TEST_CASE("the ratio is strict: 2 of 2000 passes, 2 of 1999 does not") {
  for (const auto [count, is_blocked] : {std::pair{2000, false}, std::pair{1999, true}}) {
    INFO(count);
    complaint_world w;
    const auto r = w.deliver(w.shop, static_cast<std::size_t>(count));
    w.report(abuse(r));
    w.report(abuse(recipient_id{r.value + 1}));
    CHECK(w.rooms.blocker.is_bulk_closed(w.shop) == is_blocked);
  }
}

TEST_CASE("what cannot be counted is on record with its reason") {
  complaint_world w;
  w.report(abuse(recipient_id{777}));
  CHECK(w.counted() == "no mail of that number");
  CHECK(w.events(event_kind::complained).at(0).recipient == recipient_id{777});

  const auto order = w.deliver(w.shop, 1, "order", smtp::stream::transactional);
  w.report(abuse(order));
  CHECK(w.counted() == "not_bulk");
  CHECK(w.suppression_of(w.shop, "order0@one.test").has_value());

  const auto old = w.deliver(w.shop, 2);
  w.clock.advance(std::chrono::days{91});
  w.report(abuse(old));
  CHECK(w.counted() == "too_old");

  w.report({.type = "none", .why_not = "no feedback report in it"});
  CHECK(w.counted() == "no feedback report in it");
  CHECK_FALSE(w.rooms.blocker.is_bulk_closed(w.shop));
}

TEST_CASE("a complaint about mail that is still in the queue suppresses before it is sent") {
  complaint_world w;
  const auto message = w.enqueue(w.shop, smtp::stream::bulk, {"early@one.test"});
  const recipient_id r{message.value + 1};
  w.report(abuse(r));
  CHECK(w.counted() == "not_sent");
  CHECK(w.suppression_of(w.shop, "early@one.test").has_value());
  w.settle(w.recorder, r, app_world::delivered());
  CHECK(w.complaints_of(w.shop) == 1);
}

TEST_CASE("an unsubscribe withdraws the topic's consent and nothing more") {
  complaint_world w;
  w.give_consent(w.shop, "spring0@one.test", "news", w.clock.now() - std::chrono::days{9});
  w.give_consent(w.shop, "spring0@one.test", "tips", w.clock.now() - std::chrono::days{9});
  const auto r = w.deliver(w.shop, 1);
  bool done = false;
  w.change([&](write_txn& txn) {
    done = record_unsubscribe(txn, w.rooms, {}, r, "one_click", w.clock.now());
  });
  CHECK(done);
  const auto consent = [&](const char* topic) {
    const auto key = w.key_of(w.shop, "spring0@one.test", topic);
    return w.read([&](read_txn& txn) { return w.rooms.consents.find(txn, key); }).value();
  };
  CHECK(consent("news").is_withdrawn());
  CHECK(consent("news").withdrawn_method == "one_click");
  CHECK_FALSE(consent("tips").is_withdrawn());
  CHECK(w.complaints_of(w.shop) == 0);  // RULES A5: unsubscribes do not count
  w.change([&](write_txn& txn) {
    done = record_unsubscribe(txn, w.rooms, {}, recipient_id{999}, "one_click", w.clock.now());
  });
  CHECK_FALSE(done);
}

TEST_CASE("what a person writes with a token suppresses, and waits for a person to count") {
  const auto ring = tests::fixed_tokens();
  const reputation::token_candidates tokens{
      {.text = ring->make(recipient_id{9}, smtp::token_purpose::unsubscribe),
       .purpose = smtp::token_purpose::unsubscribe}};
  const auto letter = weigh_letter(tokens, true, *ring);
  CHECK(letter.type == "person");
  CHECK(letter.recipient == recipient_id{9});
  CHECK(letter.suppresses);
  CHECK_FALSE(letter.may_count);
  CHECK_FALSE(weigh_letter(tokens, false, *ring).suppresses);  // to postmaster@, or an auto-reply
  CHECK(weigh_letter({}, true, *ring).type == "none");
  CHECK_FALSE(weigh_letter({}, true, *ring).suppresses);

  complaint_world w;
  const auto r = w.deliver(w.shop, 2);
  w.report({.type = "person", .recipient = r, .suppresses = true, .why_not = "no report"});
  CHECK(w.record().state == report_state::open);
  CHECK(w.record().tenant == w.shop);
  CHECK(w.record().raw() == "raw");
  CHECK(w.complaints_of(w.shop) == 0);
  CHECK(w.suppression_of(w.shop, "spring0@one.test").has_value());
  // The same again is nothing new to decide.
  w.report({.type = "person", .recipient = r, .suppresses = true, .why_not = "no report"});
  CHECK(w.record().state == report_state::noted);
}

TEST_CASE("RULES C2: a replayed report moves no counter, in either direction") {
  complaint_world w;
  const auto r = w.deliver(w.shop, 3);
  const auto send = [&](const weighed_report& what, char signature) {
    const report_arrival arrival{
        .channel = "feedback", .signatures = std::string(16, signature), .at = w.clock.now()};
    recorded_reports done;
    w.change([&](write_txn& txn) {
      done =
          record_reports(txn, w.rooms, complaint_world::small().rules, {what}, proven, arrival, 0);
    });
    w.clock.advance(std::chrono::minutes{1});
    return w.read([&](read_txn& txn) { return w.rooms.reports.find(txn, done.numbers.at(0)); })
        .value();
  };
  CHECK(send(abuse(r), 'a').state == report_state::counted);
  CHECK(send(not_spam(r), 'b').why == "reversed");
  CHECK(w.complaints_of(w.shop) == 0);
  // The first once more, as somebody kept it.
  const auto replayed = send(abuse(r), 'a');
  CHECK(replayed.why == "replayed");
  CHECK(replayed.state == report_state::noted);
  CHECK(w.complaints_of(w.shop) == 0);
  // The person thinks better of it: a signature of its own.
  CHECK(send(abuse(r), 'c').state == report_state::counted);
  CHECK(send(not_spam(r), 'b').why == "replayed");
  CHECK(w.complaints_of(w.shop) == 1);
}

TEST_CASE("a signature is known again in whatever way it is folded") {
  const std::vector<dkim_result> good{signature("a.example", dkim_status::pass)};
  const auto digest = [&](const char* field) { return signature_digests(good, {field}); };
  const auto one = digest(" v=1; d=a.example; bh=AAAA; b=QUJD");
  CHECK(one.size() == 16);
  CHECK(digest(" v=1; d=a.example; bh=BBBB; b=Q\r\n\tUJ D ;") == one);
  CHECK(digest(" v=1; bh=AAAA; b=QUJE") != one);
  CHECK(signature_digests({signature("a.example", dkim_status::fail)}, {" b=QUJD"}).empty());
}
