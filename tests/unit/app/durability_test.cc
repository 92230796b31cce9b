// What a 250 promises: the mail is on disk. And what is said when it cannot be.
#include <catch2/catch.hpp>

#include "app/intake.h"
#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
using consentry::tests::app_world;
namespace fs = std::filesystem;

namespace {

const std::string mail =
    "From: Shop <news@shop.test>\r\nTo: jane@one.test\r\nSubject: hello\r\nX-Consentry-Topic: "
    "news\r\n"
    "X-Consentry-Campaign: spring\r\n\r\nThe body that must not be lost.\r\n";

struct intake_world : app_world {
  using app_world::app_world;
  worker_pool workers{1};
  int told = 0;  // how often the queue was told of new mail
  intake submissions{{.rooms = rooms,
                      .live = live,
                      .workers = workers,
                      .clock = clock,
                      .notify_queue = [this](instant) { ++told; }},
                     {.host_name = "mx.test",
                      .retry = {},
                      .notices = {.host_name = "mx.test", .from = "pm@mx.test"}}};

  void fill() {
    const auto shop = add_tenant("shop");
    add_domain(shop, "shop.test");
    give_consent(shop, "jane@one.test", "news", clock.now() - std::chrono::days{30});
  }
  // stranger has no consent: known only after the end of data, so a notice is due.
  smtp::reply submit(const std::vector<std::string>& to = {"jane@one.test", "stranger@one.test"}) {
    smtp::server::session_info session;
    session.id = "s1";
    session.who = smtp::server::principal{.tenant = tenant_named("shop"), .credential = "crm"};
    smtp::envelope e;
    e.reverse_path = smtp::mailbox::parse("news@shop.test").value();
    for (const auto& a : to) e.recipients.push_back({.address = smtp::mailbox::parse(a).value()});
    return wait_for(submissions.message(session, std::move(e), mail));
  }
  queue::queue_counts counts() {
    return read([&](read_txn& txn) { return rooms.queue.counts(txn); });
  }
};

}  // namespace

TEST_CASE("after 250 a copy of the files holds mail, verdicts, notice and journal") {
  const consentry::tests::temp_folder copy;
  smtp::reply answer;
  std::size_t entries = 0;
  {
    intake_world w;
    w.fill();
    answer = w.submit();
    REQUIRE(answer.code == 250);
    CHECK(w.told == 1);
    entries = w.events().size();
    // While the first still runs: nothing is written at its end that the copy would lack.
    fs::copy(w.folder.path() / "store", copy.path() / "store", fs::copy_options::recursive);
  }
  app_world again{copy.path() / "store"};
  CHECK(again.events().size() == entries);
  CHECK(again.read([&](read_txn& txn) { return again.rooms.journal.verify(txn); }).is_whole());
  const auto messages = again.read([&](read_txn& txn) {
    std::string resume;
    return again.rooms.queue.list(txn, {}, resume, 10);
  });
  REQUIRE(messages.size() == 2);
  for (const auto& m : messages) {
    const auto body = again.rooms.bodies.read(m.body_at);
    REQUIRE(body.has_value());
    if (m.is_notice) {
      CHECK_THAT(*body, Catch::Contains("stranger@one.test") && Catch::Contains("consent.missing"));
      continue;
    }
    CHECK_THAT(answer.text, Catch::Contains(to_string(m.id)));
    CHECK_THAT(*body, Catch::EndsWith("\r\n\r\nThe body that must not be lost.\r\n"));
    CHECK(m.campaign == "spring");
    const recipient_id first{m.id.value + 1};
    CHECK(again.recipient(first)->address == "jane@one.test");
    CHECK(
        again.read([&](read_txn& txn) { return again.rooms.verdicts.find(txn, first); })->reason ==
        "ok");
  }
  // The opened copy goes on with new numbers, and never writes over what the old segments hold.
  const auto body = again.rooms.bodies.append("another").value();
  for (const auto& m : messages) CHECK(body.location.segment != m.body_at.segment);
}

TEST_CASE("a refusal at the end of data is durable before it is said") {
  const consentry::tests::temp_folder copy;
  {
    intake_world w;
    w.fill();
    const auto answer = w.submit({"stranger@one.test"});
    CHECK(answer.code == 550);
    CHECK(w.told == 0);
    fs::copy(w.folder.path() / "store", copy.path() / "store", fs::copy_options::recursive);
  }
  app_world again{copy.path() / "store"};
  const auto refused = again.events(journal::event_kind::refused);
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].reason == "consent.missing");
  CHECK(
      again
          .read([&](read_txn& txn) { return again.rooms.verdicts.find(txn, refused[0].recipient); })
          .has_value());
}

TEST_CASE("a full disk is 452, nothing is queued, and it passes") {
  const consentry::tests::temp_folder store;
  {
    intake_world w{store.path() / "store"};
    w.fill();
  }
  {
    // More than any disk has left.
    intake_world w{store.path() / "store", std::uint64_t{1} << 60};
    const auto answer = w.submit();
    CHECK(answer.code == 452);
    CHECK(to_string(answer.enhanced) == "4.3.1");
    CHECK(w.counts() == queue::queue_counts{});
    CHECK(w.events(journal::event_kind::accepted).empty());
    CHECK(w.told == 0);
    CHECK_FALSE(w.is_broken);
  }
  intake_world w{store.path() / "store"};
  CHECK(w.submit().code == 250);
  CHECK(w.counts().messages == 2);
}

TEST_CASE("a sync that fails is 451 to all, and the end of this daemon") {
  const consentry::tests::temp_folder store;
  {
    intake_world w{store.path() / "store"};
    w.fill();
    bool fails = false;
    w.rooms.commits.add_presync([&fails]() -> result<void> {
      if (!fails) return {};
      return failure{.kind = failure_kind::storage_broken,
                     .private_cause = "fdatasync: Input/output error"};
    });
    CHECK(w.submit().code == 250);
    fails = true;
    const auto answer = w.submit();
    CHECK(answer.code == 451);
    CHECK(to_string(answer.enhanced) == "4.3.0");
    CHECK(answer.text.find("fdatasync") == std::string::npos);  // the cause is for the log
    CHECK(w.is_broken);
    CHECK(w.told == 1);
    // The disk seems well again: what it dropped meanwhile nobody knows.
    fails = false;
    CHECK(w.submit().code == 451);
    CHECK(w.submit({"stranger@one.test"}).code == 451);
    CHECK(w.counts().messages == 2);
  }
  app_world again{store.path() / "store"};
  CHECK(again.events(journal::event_kind::accepted).size() == 1);
}
