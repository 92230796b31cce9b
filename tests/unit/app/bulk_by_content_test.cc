// RULES A1.1: bulk mail that calls itself something else is found by its content.
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <future>
#include <random>

#include "app/intake.h"
#include "app/sign_up_template.h"
#include "tests/unit/app/tenant_world.h"

using namespace consentry;
using namespace consentry::app;
using consentry::tests::app_world;
using consentry::tests::tenant_world;

namespace {

constexpr int limit = 50;

struct world : tenant_world {
  explicit world(const std::filesystem::path& store = {}) : tenant_world{store} {
    if (!store.empty() && rooms.directory.get()->find_named("shop") != nullptr) return;
    const auto shop = add_tenant("shop");
    add_domain(shop, "shop.test");
  }
  intake submissions{{.rooms = rooms,
                      .live = live,
                      .workers = workers,
                      .clock = clock,
                      .notify_queue = [](instant) {}},
                     {.host_name = "mx.test",
                      .retry = {},
                      .notices = {.host_name = "mx.test", .from = "pm@mx.test"}}};

  static std::string address(int n) { return "u" + std::to_string(n) + "@one.test"; }

  smtp::server::session_info session(smtp::stream stream) {
    smtp::server::session_info s;
    s.id = "s1";
    s.who = smtp::server::principal{
        .tenant = tenant_named("shop"), .credential = "till", .stream = stream};
    return s;
  }
  smtp::envelope envelope(int first, int count) {
    smtp::envelope e;
    e.reverse_path = smtp::mailbox::parse("till@shop.test").value();
    for (int i = 0; i < count; ++i)
      e.recipients.push_back({.address = smtp::mailbox::parse(address(first + i)).value()});
    return e;
  }
  static std::string mail(int n, const std::string& text = "a csomagját feladtuk, holnap érkezik",
                          const std::string& more = "") {
    return "From: Shop <till@shop.test>\r\nTo: " + address(n) + "\r\nSubject: hello\r\n" + more +
           "Content-Type: text/plain; charset=utf-8\r\n\r\nKedves Vevő " + std::to_string(n) +
           ", " + text + "\r\n";
  }
  smtp::reply send(int n, smtp::stream stream = smtp::stream::transactional,
                   const std::string& text = "a csomagját feladtuk, holnap érkezik",
                   const std::string& more = "") {
    const auto who = session(stream);
    return wait_for(submissions.message(who, envelope(n, 1), mail(n, text, more)));
  }
  smtp::reply send_many(int first, int count) {
    const auto who = session(smtp::stream::transactional);
    return wait_for(submissions.message(who, envelope(first, count), mail(first)));
  }
  queue::queue_counts counts(smtp::stream s) {
    return read([&](read_txn& txn) { return rooms.queue.counts(txn, tenant_named("shop"), s); });
  }
  int fill(int count = limit) {
    int taken = 0;
    for (int n = 0; n < count; ++n) taken += send(n).code == 250;
    return taken;
  }
};

}  // namespace

TEST_CASE("A1.1 fifty people may get the same content; to the fifty-first it is bulk mail") {
  world w;
  CHECK(w.fill() == limit);
  const auto no = w.send(limit);
  CHECK(no.code == 550);
  // No topic, so no consent can be found: what bulk mail must have.
  CHECK(no.text.find("campaign.topic_missing") != std::string::npos);
  CHECK(no.text.find("RULES A1.1") != std::string::npos);
  CHECK(w.counts(smtp::stream::transactional).queued == limit);
  const auto refused = w.events(journal::event_kind::refused).back();
  CHECK(refused.stream == smtp::stream::bulk);
  CHECK(refused.facts.at("bulk_by_content").size() == 32);
  // Another content, and one of the fifty again, still pass.
  CHECK(w.send(limit, smtp::stream::transactional, "a jelszava megváltozott").code == 250);
  CHECK(w.send(7).code == 250);
  // Another tenant's count is another's.
  const auto other = w.add_tenant("other");
  w.add_domain(other, "other.test");
  auto who = w.session(smtp::stream::transactional);
  who.who->tenant = other;
  auto e = w.envelope(limit, 1);
  e.reverse_path = smtp::mailbox::parse("till@other.test").value();
  auto text = world::mail(limit);
  text.replace(text.find("shop.test"), 9, "other.test");
  CHECK(app_world::wait_for(w.submissions.message(who, e, text)).code == 250);
}

TEST_CASE("A1.1 with consent, campaign and topic the fifty-first gets it as bulk mail") {
  world w;
  w.fill();
  const auto shop = w.tenant_named("shop");
  w.give_consent(shop, world::address(60), "news", w.clock.now() - std::chrono::days{30});
  const std::string names = "X-Consentry-Topic: news\r\nX-Consentry-Campaign: spring\r\n";
  const auto text = "a csomagját feladtuk, holnap érkezik";
  CHECK(w.send(60, smtp::stream::transactional, text, names).code == 250);
  const auto without = w.send(61, smtp::stream::transactional, text, names);
  CHECK(without.text.find("consent.missing") != std::string::npos);
  CHECK(w.counts(smtp::stream::bulk).queued == 1);
  CHECK(w.counts(smtp::stream::transactional).queued == limit);
  const auto accepted = w.events(journal::event_kind::accepted).back();
  CHECK(accepted.stream == smtp::stream::bulk);
  CHECK(accepted.facts.contains("bulk_by_content"));
  // The block of bulk mail holds it too.
  w.block(shop, "complaints");
  w.give_consent(shop, world::address(62), "news", w.clock.now() - std::chrono::days{30});
  CHECK(w.send(62, smtp::stream::transactional, text, names).text.find("tenant.bulk_blocked") !=
        std::string::npos);
}

TEST_CASE("A1.1 in one message to sixty, the fifty-first on are bulk") {
  world w;
  const auto answer = w.send_many(0, 60);
  CHECK(answer.code == 250);
  CHECK(answer.text.find("10 of 60 recipients refused") != std::string::npos);
  CHECK(w.counts(smtp::stream::transactional).queued == limit + 1);  // with the notice on the ten
  CHECK(w.events(journal::event_kind::refused).size() == 10);
}

TEST_CASE("A1.1 one message becomes two where the rest may be sent as bulk mail") {
  world w;
  const auto shop = w.tenant_named("shop");
  for (int n = 0; n < 60; ++n)
    w.give_consent(shop, world::address(n), "news", w.clock.now() - std::chrono::days{30});
  const auto who = w.session(smtp::stream::automation);
  const auto text = world::mail(0, "itt a sorozat első levele",
                                "X-Consentry-Topic: news\r\nX-Consentry-Campaign: welcome\r\n");
  const auto answer = app_world::wait_for(w.submissions.message(who, w.envelope(0, 60), text));
  CHECK(answer.code == 250);
  CHECK(w.counts(smtp::stream::automation).queued == limit);
  CHECK(w.counts(smtp::stream::bulk).queued == 10);
  CHECK(w.events(journal::event_kind::accepted).size() == 2);
  // Both live on one body, which stays until the last is done.
  const auto messages = w.read([&](read_txn& txn) {
    std::string resume;
    return w.rooms.queue.list(txn, {}, resume, 10);
  });
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].body_at == messages[1].body_at);
}

TEST_CASE("A1.1 the count slides over twenty-four hours and survives a restart") {
  tests::temp_folder folder;
  const auto begun = tests::time_at("2025-03-14T12:00:00");
  {
    world w{folder.path() / "store"};
    w.fill(25);
    w.clock.set(begun + std::chrono::hours{12});
    for (int n = 25; n < limit; ++n) CHECK(w.send(n).code == 250);
    CHECK(w.send(limit).code == 550);
  }
  world w{folder.path() / "store"};
  w.clock.set(begun + std::chrono::hours{24} - std::chrono::milliseconds{1});
  CHECK(w.send(limit).code == 550);
  w.clock.set(begun + std::chrono::hours{24});
  for (int n = 100; n < 125; ++n) CHECK(w.send(n).code == 250);
  CHECK(w.send(125).code == 550);
  // A day later nothing is left of it, and the row goes.
  w.clock.set(begun + std::chrono::hours{49});
  w.change([&](write_txn& txn) {
    CHECK(w.rooms.fingerprints.trim(txn, w.clock.now(), {}, 10).empty());
  });
  CHECK(w.fill(limit) == limit);
}

TEST_CASE("A1.1 sessions at the same time are counted in the transaction") {
  world w;
  constexpr int threads = 8, each = 10;
  std::vector<std::future<int>> runs;
  const auto who = w.session(smtp::stream::transactional);
  for (int t = 0; t < threads; ++t)
    runs.push_back(std::async(std::launch::async, [&w, &who, t] {
      int taken = 0;
      for (int i = 0; i < each; ++i) {
        const int n = t * each + i;
        taken += app_world::wait_for(w.submissions.message(who, w.envelope(n, 1), world::mail(n)))
                     .code == 250;
      }
      return taken;
    }));
  int taken = 0;
  for (auto& r : runs) taken += r.get();
  CHECK(taken == limit);
}

TEST_CASE("A1.1 a row stays bounded, and knows more than the limit exactly (property)") {
  std::mt19937 random{20250314};
  for (int round = 0; round < 20; ++round) {
    const std::size_t most = 1 + random() % 60;
    std::map<std::string, instant> seen;  // the slow, obvious way
    std::string row;
    auto now = tests::time_at("2025-03-14T12:00:00");
    for (int step = 0; step < 400; ++step) {
      now += std::chrono::minutes{random() % 40};
      std::string person = std::to_string(random() % 90);
      person.resize(16, '.');
      std::size_t others = 0;
      for (const auto& [p, at] : seen)
        others += p != person && now - at < fingerprint_window_length ? 1 : 0;
      content_window window{row, now, most};
      REQUIRE(window.turns_bulk(person) == (others + 1 > most));
      window.add(person);
      seen[person] = now;
      row = window.encode();
      REQUIRE(row.size() <= 1 + 16 * (most + 1));
    }
  }
}

TEST_CASE("A1.1 a person of the operator approves a template, for a time") {
  world w;
  w.fill();
  CHECK(w.send(limit).code == 550);
  const auto digest = w.events(journal::event_kind::refused).back().facts.at("bulk_by_content");
  const auto approve = [&](const std::string& body) {
    return w.ask("POST", {"tenants", "shop", "templates"}, body).status;
  };
  CHECK(approve(R"({"fingerprint": "12", "reason": "x", "expires": "2025-06-01"})") == 422);
  CHECK(approve(R"({"fingerprint": ")" + digest + R"(", "expires": "2025-06-01"})") == 422);
  CHECK(approve(R"({"fingerprint": ")" + digest +
                R"(", "reason": "x", "expires": "2025-03-01"})") == 422);
  CHECK(approve(R"({"fingerprint": ")" + digest +
                R"(", "reason": "x", "expires": "2027-03-14"})") == 422);
  CHECK(w.send(limit).code == 550);
  CHECK(approve(R"({"fingerprint": ")" + digest +
                R"(", "reason": "parcel notice", "expires": "2025-06-01"})") == 201);
  CHECK(w.send(limit).code == 250);
  const auto listed = boost::json::parse(w.ask("GET", {"tenants", "shop", "templates"}).body);
  const auto& one = listed.at("templates").at(0);
  CHECK(one.at("fingerprint").as_string() == digest);
  CHECK(one.at("approver") == "desk:anna");
  CHECK(one.at("reason") == "parcel notice");
  const auto told = w.events(journal::event_kind::desk_act).back();
  CHECK(told.reason == "parcel notice");
  CHECK(told.facts.at("template") == digest);
  w.clock.set(tests::time_at("2025-06-01T00:00:00"));
  for (int n = 0; n < limit; ++n) w.send(n);
  CHECK(w.send(limit).code == 550);
  CHECK(approve(R"({"fingerprint": ")" + digest +
                R"(", "reason": "again", "expires": "2025-09-01"})") == 201);
  CHECK(w.send(limit).code == 250);
  CHECK(w.ask("POST", {"tenants", "shop", "templates", digest, "revoke"}, R"({"reason": "x"})")
            .status == 200);
  CHECK(w.ask("POST", {"tenants", "shop", "templates", digest, "revoke"}, R"({"reason": "x"})")
            .status == 404);
  CHECK(w.send(limit + 1).code == 550);
}

TEST_CASE("A1.1 a sign-up's confirmation is the same text for all and is not counted") {
  world w;
  const auto shop = w.tenant_named("shop");
  const std::string names = "X-Consentry-Topic: news\r\n", text = "kérjük, erősítse meg";
  const auto hash = template_hash(smtp::mime::walk(world::mail(0, text)));
  w.change([&](write_txn& txn) {
    w.rooms.sign_ups.approve(txn, shop, {.hash = hash, .name = "confirmation"},
                             {.at = w.clock.now(), .actor = "desk:anna"});
  });
  for (int n = 0; n < limit + 5; ++n) {
    w.sign_up(shop, world::address(n), "news");
    CHECK(w.send(n, smtp::stream::doi, text, names).code == 250);
  }
}
