#include "queue/queue_store.h"

#include <catch2/catch.hpp>

#include "tests/unit/queue/store_fixture.h"

using namespace consentry;
using namespace consentry::queue;
using namespace consentry::queue::tests;
using namespace std::chrono_literals;

namespace {

struct queue_in_folder {
  consentry::tests::temp_folder folder;
  store_on q{folder.path()};
};

queued_recipient ended(queued_recipient r, recipient_state s, instant at = noon + 1min) {
  r.state = s;
  r.changed_at = at;
  return r;
}

}  // namespace

TEST_CASE("an accepted message is due at once, in its lane, and counted") {
  queue_in_folder f;
  auto& q = f.q;
  auto held = to("carl", "c.example");
  held.state = recipient_state::held;
  held.reason = "content.hold";
  const auto id =
      q.accept(bulk_message(), {to("anna", "a.example"), to("bela", "b.example"), held}, "body");
  CHECK(id.value == 1);
  auto prompt = bulk_message(8);
  prompt.stream = smtp::stream::transactional;
  const auto second = q.accept(prompt, {to("dora", "d.example")}, "body");
  CHECK(second.value == 5);

  const auto rows = q.due(lane::bulk, noon);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].recipient.value == 2);
  CHECK(rows[0].domain == "a.example");
  CHECK(rows[1].recipient.value == 3);
  CHECK(q.due(lane::prompt, noon).size() == 1);
  CHECK(q.due(lane::bulk, noon - 1ms).empty());
  CHECK(q.counts() == queue_counts{.queued = 3, .held = 1, .messages = 2});
  const auto txn = q.env.begin_read();
  CHECK(q.store.counts(txn, tenant_id{7}) == queue_counts{.queued = 2, .held = 1, .messages = 1});
  CHECK(q.store.counts(txn, tenant_id{7}, smtp::stream::transactional) == queue_counts{});
  CHECK(q.store.message_of(txn, recipient_id{4})->id == id);
  CHECK_FALSE(q.store.message_of(txn, recipient_id{99}));
  CHECK(q.store.open_messages_in(txn, q.message(id).body_at.segment) == 2);
}

TEST_CASE("an operation that is run again gives the same") {
  queue_in_folder f;
  auto& q = f.q;
  auto m = bulk_message();
  m.body_at = q.bodies.append("body").value().location;
  const std::vector<queued_recipient> recipients{to("anna", "a.example")};
  for (int round = 0; round < 2; ++round) {
    auto txn = q.env.begin_write();  // dropped without a commit
    CHECK(q.store.accept(txn, m, recipients).value == 1);
  }
  CHECK(q.counts() == queue_counts{});
}

TEST_CASE("a recipient's way: deferred, delivered; address and body go, the pseudonym stays") {
  queue_in_folder f;
  auto& q = f.q;
  const auto id = q.accept(bulk_message(), {to("anna", "a.example"), to("bela", "b.example")}, "x");
  auto anna = q.recipient(2);
  anna.attempts = 1;
  anna.next_attempt_at = noon + 5min;
  anna.last_reply = "451 4.7.1 " + std::string(2000, 'x');
  q.commits.run([&](write_txn& txn) { q.store.update(txn, anna); }).value();
  CHECK(q.due(lane::bulk, noon).size() == 1);
  CHECK(q.due(lane::bulk, noon + 5min).size() == 2);
  CHECK(q.recipient(2).last_reply.size() == 512);

  q.commits
      .run([&](write_txn& txn) {
        q.store.update(txn, ended(q.recipient(2), recipient_state::delivered));
      })
      .value();
  CHECK(q.recipient(2).address.empty());
  CHECK(q.recipient(2).domain.empty());
  CHECK(q.recipient(2).person == std::string(16, 'a'));
  CHECK(q.message(id).recipients_open == 1);
  CHECK(q.message(id).body_at.length == 1);
  const auto segment = q.message(id).body_at.segment;

  queued_message last;
  q.commits
      .run([&](write_txn& txn) {
        last = q.store.update(txn, ended(q.recipient(3), recipient_state::bounced, noon + 1h));
      })
      .value();
  CHECK(last.recipients_open == 0);
  CHECK(last.finished_at == noon + 1h);
  CHECK(q.message(id) == last);
  CHECK(last.body_at == spool_location{});
  CHECK(q.counts() == queue_counts{});
  CHECK(q.due(lane::bulk, noon + 24h).empty());
  const auto txn = q.env.begin_read();
  CHECK(q.store.open_messages_in(txn, segment) == 0);
  CHECK(q.store.last_segment(txn) == 0);
  // A token still leads somewhere.
  CHECK(q.store.message_of(txn, recipient_id{3})->campaign == "autumn");
}

TEST_CASE("hold, release and purge choose by tenant, stream, campaign and message") {
  queue_in_folder f;
  auto& q = f.q;
  auto winter = bulk_message();
  winter.campaign = "winter";
  auto prompt = bulk_message();
  prompt.stream = smtp::stream::transactional;
  q.accept(bulk_message(7), {to("a", "a.example"), to("b", "b.example")}, "x");  // 1: 2 3
  q.accept(winter, {to("c", "a.example")}, "x");                                 // 4: 5
  q.accept(prompt, {to("d", "a.example")}, "x");                                 // 6: 7
  q.accept(bulk_message(8), {to("e", "a.example")}, "x");                        // 8: 9
  struct row {
    queue_filter filter;
    std::vector<std::uint64_t> recipients;
  };
  for (const auto& [filter, expected] : {
           row{{}, {2, 3, 5, 7, 9}},
           row{{.tenant = tenant_id{7}}, {2, 3, 5, 7}},
           row{{.tenant = tenant_id{7}, .stream = smtp::stream::bulk}, {2, 3, 5}},
           row{{.stream = smtp::stream::bulk}, {2, 3, 5, 9}},
           row{{.tenant = tenant_id{7}, .campaign = "winter"}, {5}},
           row{{.message = message_id{1}}, {2, 3}},
           row{{.tenant = tenant_id{8}, .message = message_id{1}}, {}},
           row{{.tenant = tenant_id{99}}, {}},
       }) {
    std::vector<std::uint64_t> seen;
    slice held, released;
    q.commits
        .run([&](write_txn& txn) {
          seen.clear();
          held = q.store.hold(txn, filter, "desk.hold", noon, "", 1000,
                              [&](write_txn&, const queued_message&, const queued_recipient& r) {
                                seen.push_back(r.id.value);
                                CHECK_FALSE(r.address.empty());
                              });
        })
        .value();
    std::sort(seen.begin(), seen.end());
    CHECK(seen == expected);
    CHECK_FALSE(held.more);
    CHECK(q.counts().held == expected.size());
    CHECK(q.due(lane::bulk, noon).size() + q.due(lane::prompt, noon).size() == 5 - expected.size());
    for (const auto id : expected) CHECK(q.recipient(id).reason == "desk.hold");
    q.commits
        .run([&](write_txn& txn) {
          released = q.store.release(txn, filter, noon + 1s, "", 1000, {});
        })
        .value();
    CHECK(released.changed == expected.size());
    CHECK(q.counts() == queue_counts{.queued = 5, .held = 0, .messages = 4});
    // Back where they were, for the next row.
    q.commits
        .run([&](write_txn& txn) {
          for (const auto id : expected) {
            auto r = q.recipient(id);
            r.next_attempt_at = noon;
            q.store.update(txn, r);
          }
        })
        .value();
  }
  q.commits
      .run([&](write_txn& txn) {
        q.store.hold(txn, {.message = message_id{4}}, "desk.hold", noon, "", 1000, {});
        CHECK(q.store.purge(txn, {.tenant = tenant_id{7}}, "desk.purge", noon, "", 1000, {})
                  .changed == 4);
      })
      .value();
  CHECK(q.counts() == queue_counts{.queued = 1, .held = 0, .messages = 1});
  CHECK(q.recipient(5).state == recipient_state::cancelled);
}

TEST_CASE("what two reasons hold is released and purged apart") {
  queue_in_folder f;
  auto& q = f.q;
  auto content = to("a", "a.example");
  content.state = recipient_state::held;
  content.reason = "content.hold";
  q.accept(bulk_message(), {content, to("b", "b.example")}, "x");
  queue_filter blocked{.tenant = tenant_id{7}, .held_because = "tenant.bulk_blocked"};
  q.commits
      .run([&](write_txn& txn) {
        q.store.hold(txn, {.tenant = tenant_id{7}}, "tenant.bulk_blocked", noon, "", 100, {});
        CHECK(q.store.release(txn, blocked, noon, "", 100, {}).changed == 1);
      })
      .value();
  CHECK(q.recipient(2).state == recipient_state::held);
  CHECK(q.recipient(2).reason == "content.hold");
  CHECK(q.recipient(3).state == recipient_state::queued);
  blocked.held_because = "content.hold";
  q.commits
      .run([&](write_txn& txn) {
        CHECK(q.store.purge(txn, blocked, "desk.purge", noon, "", 100, {}).changed == 1);
      })
      .value();
  CHECK(q.recipient(3).state == recipient_state::queued);
}

TEST_CASE("slices are bounded and go on where they stopped") {
  queue_in_folder f;
  auto& q = f.q;
  std::vector<queued_recipient> many;
  for (int i = 0; i < 25; ++i) many.push_back(to("x", "x.example"));
  q.accept(bulk_message(), many, "x");
  q.accept(bulk_message(), {to("y", "x.example")}, "x");
  const std::size_t rows = GENERATE(1, 2, 7, 10, 27, 100);
  const auto all = [&](auto step) {
    slice s;
    std::uint64_t changed = 0;
    do {
      q.commits.run([&](write_txn& txn) { s = step(txn, s.resume); }).value();
      CHECK(s.changed <= rows);
      changed += s.changed;
    } while (s.more);
    return changed;
  };
  CHECK(all([&](write_txn& txn, const std::string& resume) {
          return q.store.hold(txn, {}, "h", noon, resume, rows, {});
        }) == 26);
  CHECK(q.counts().held == 26);
  CHECK(all([&](write_txn& txn, const std::string& resume) {
          return q.store.release(txn, {}, noon, resume, rows, {});
        }) == 26);
  CHECK(all([&](write_txn& txn, const std::string& resume) {
          return q.store.purge(txn, {}, "p", noon, resume, rows, {});
        }) == 26);
  CHECK(q.counts() == queue_counts{});
}

TEST_CASE("what a person did meanwhile is not undone by a late outcome") {
  queue_in_folder f;
  auto& q = f.q;
  q.accept(bulk_message(), {to("a", "a.example"), to("b", "a.example")}, "x");
  const auto before = q.recipient(2);
  auto deferred = before;
  deferred.attempts = 1;
  deferred.next_attempt_at = noon + 5min;
  SECTION("held: stays held, the attempt is noted") {
    q.commits
        .run([&](write_txn& txn) {
          q.store.hold(txn, {}, "desk.hold", noon, "", 100, {});
          q.store.update(txn, deferred);
        })
        .value();
    CHECK(q.recipient(2).state == recipient_state::held);
    CHECK(q.recipient(2).reason == "desk.hold");
    CHECK(q.recipient(2).attempts == 1);
    CHECK(q.counts().held == 2);
    CHECK(q.due(lane::bulk, noon + 1h).empty());
  }
  SECTION("held by a person first: the gate does not put its own reason there") {
    auto by_gate = before;
    by_gate.state = recipient_state::held;
    by_gate.reason = "tenant.bulk_blocked";
    q.commits
        .run([&](write_txn& txn) {
          q.store.hold(txn, {}, "desk.hold", noon, "", 100, {});
          q.store.update(txn, by_gate);
        })
        .value();
    CHECK(q.recipient(2).reason == "desk.hold");
    CHECK(q.counts().held == 2);
  }
  SECTION("held and yet delivered: delivered") {
    q.commits
        .run([&](write_txn& txn) {
          q.store.hold(txn, {}, "desk.hold", noon, "", 100, {});
          q.store.update(txn, ended(before, recipient_state::delivered));
        })
        .value();
    CHECK(q.recipient(2).state == recipient_state::delivered);
    CHECK(q.counts() == queue_counts{.queued = 0, .held = 1, .messages = 1});
  }
  SECTION("purged: a deferral changes nothing, a delivery is the truth") {
    q.commits
        .run([&](write_txn& txn) {
          q.store.purge(txn, {}, "desk.purge", noon, "", 100, {});
          q.store.update(txn, deferred);
        })
        .value();
    CHECK(q.recipient(2).state == recipient_state::cancelled);
    CHECK(q.due(lane::bulk, noon + 1h).empty());
    q.commits
        .run(
            [&](write_txn& txn) { q.store.update(txn, ended(before, recipient_state::delivered)); })
        .value();
    CHECK(q.recipient(2).state == recipient_state::delivered);
    CHECK(q.recipient(2).address.empty());
    CHECK(q.counts() == queue_counts{});
  }
}

TEST_CASE("rows are parked, postponed and taken out from either place") {
  queue_in_folder f;
  auto& q = f.q;
  for (int i = 0; i < 4; ++i) q.accept(bulk_message(), {to("a", "big.example")}, "x");
  const auto rows = q.due(lane::bulk, noon);
  REQUIRE(rows.size() == 4);
  q.commits.run([&](write_txn& txn) { q.store.park(txn, rows, "big.example"); }).value();
  CHECK(q.due(lane::bulk, noon).empty());
  const auto parked = [&] {
    const auto txn = q.env.begin_read();
    return q.store.parked(txn, lane::bulk, "big.example", rows[0].flow, {}, 100);
  };
  REQUIRE(parked().size() == 4);
  CHECK(parked()[1].recipient == rows[1].recipient);
  CHECK(parked()[1].domain == "big.example");
  {
    const auto txn = q.env.begin_read();
    CHECK(q.store.parked_groups(txn, lane::bulk, 10) == std::vector<std::string>{"big.example"});
    CHECK(q.store.parked_groups(txn, lane::prompt, 10).empty());
  }
  q.commits
      .run([&](write_txn& txn) {
        q.store.update(txn, ended(q.recipient(2), recipient_state::delivered), "big.example");
        const auto now_parked = parked();
        q.store.postpone(txn, {&now_parked[1], 1}, noon + 1h);
        q.store.hold(txn, {.message = message_id{5}}, "h", noon, "", 10, {});
      })
      .value();
  CHECK(q.due(lane::bulk, noon + 1h).size() == 1);
  // The held one left a stale row behind, which drop_stale removes, and only that.
  REQUIRE(parked().size() == 2);
  q.commits.run([&](write_txn& txn) { q.store.drop_stale(txn, parked()); }).value();
  REQUIRE(parked().size() == 1);
  CHECK(parked()[0].recipient.value == 8);
}

TEST_CASE("nothing is postponed past the time at which it expires") {
  queue_in_folder f;
  auto& q = f.q;
  q.accept(bulk_message(), {to("a", "a.example"), to("b", "a.example")}, "x");
  const auto rows = q.due(lane::bulk, noon);
  instant first, second;
  q.commits
      .run([&](write_txn& txn) {
        first = q.store.postpone(txn, {&rows[0], 1}, noon + 1h);
        second = q.store.postpone(txn, {&rows[1], 1}, noon + 1000h);
      })
      .value();
  CHECK(first == noon + 1h);
  CHECK(second == noon + 72h);
  CHECK(q.due(lane::bulk, noon + 72h).size() == 2);
  CHECK(q.recipient(3).next_attempt_at == noon + 72h);
}

TEST_CASE("old finished rows are trimmed, open ones stay") {
  queue_in_folder f;
  auto& q = f.q;
  for (int i = 0; i < 4; ++i) {
    auto m = bulk_message();
    m.accepted_at = noon + i * 24h;
    q.accept(m, {to("a", "a.example")}, "x");
  }
  q.commits
      .run([&](write_txn& txn) {
        for (const std::uint64_t id : {2, 6, 8})
          q.store.update(txn, ended(q.recipient(id), recipient_state::delivered,
                                    noon + static_cast<int>(id / 2 - 1) * 24h));
      })
      .value();
  slice s;
  q.commits.run([&](write_txn& txn) { s = q.store.trim(txn, noon + 60h, "", 2); }).value();
  CHECK(s.more);
  q.commits.run([&](write_txn& txn) { s = q.store.trim(txn, noon + 60h, s.resume, 100); }).value();
  CHECK_FALSE(s.more);
  const auto txn = q.env.begin_read();
  CHECK_FALSE(q.store.message(txn, message_id{1}));
  CHECK_FALSE(q.store.recipient(txn, recipient_id{2}));
  CHECK(q.store.message(txn, message_id{3}));  // still open
  CHECK_FALSE(q.store.message(txn, message_id{5}));
  CHECK(q.store.message(txn, message_id{7}));  // too young
}

TEST_CASE("lists go on where they stopped") {
  queue_in_folder f;
  auto& q = f.q;
  for (int i = 0; i < 5; ++i) q.accept(bulk_message(), {to("a", "a.example")}, "x");
  q.accept(bulk_message(8), {to("a", "a.example")}, "x");
  const auto txn = q.env.begin_read();
  std::string resume;
  CHECK(q.store.list(txn, {.tenant = tenant_id{7}}, resume, 3).size() == 3);
  REQUIRE_FALSE(resume.empty());
  const auto rest = q.store.list(txn, {.tenant = tenant_id{7}}, resume, 3);
  REQUIRE(rest.size() == 2);
  CHECK(rest[1].id.value == 9);
  CHECK(resume.empty());
}

TEST_CASE("what was committed is there after a crash, body and all") {
  consentry::tests::temp_folder folder, copy;
  const auto first = folder.path() / "live";
  message_id id;
  {
    store_on q{first};
    id = q.accept(bulk_message(), {to("a", "a.example")}, "acknowledged body");
    // Appended but never committed: the crash comes in between.
    const auto lost = q.bodies.append("never acknowledged").value();
    // The files as they are now, without any closing.
    std::filesystem::copy(first, copy.path() / "crashed", std::filesystem::copy_options::recursive);
  }
  store_on q{copy.path() / "crashed"};
  REQUIRE(q.due(lane::bulk, noon).size() == 1);
  CHECK(q.bodies.read(q.message(id).body_at).value() == "acknowledged body");
  CHECK(q.bodies.append("next").value().location.segment == q.message(id).body_at.segment + 1);
}

TEST_CASE("a full disk refuses the commit, and the queue goes on when there is room") {
  consentry::tests::temp_folder folder;
  int error = 0;
  auto calls = disk_calls::real();
  const auto real = calls;
  calls.pwrite = [&](int fd, const void* b, std::size_t n, std::int64_t at) -> long {
    if (error == 0) return real.pwrite(fd, b, n, at);
    errno = error;
    return -1;
  };
  store_on q{folder.path(), calls};
  error = ENOSPC;
  CHECK(q.bodies.append("x").error().kind == failure_kind::storage_full);
  error = 0;
  q.accept(bulk_message(), {to("a", "a.example")}, "x");
  CHECK(q.counts().queued == 1);
}

TEST_CASE("a failed sync of a body breaks the loop before anything names it") {
  consentry::tests::temp_folder folder;
  auto calls = disk_calls::real();
  bool fail = false;
  const auto real = calls;
  calls.fdatasync = [&](int fd) {
    if (!fail) return real.fdatasync(fd);
    errno = EIO;
    return -1;
  };
  store_on q{folder.path(), calls};
  q.accept(bulk_message(), {to("a", "a.example")}, "x");
  fail = true;
  auto m = bulk_message();
  m.body_at = q.bodies.append("y").value().location;
  const std::vector<queued_recipient> r{to("a", "a.example")};
  const auto done = q.commits.run([&](write_txn& txn) { q.store.accept(txn, m, r); });
  REQUIRE(done.has_error());
  CHECK(done.error().kind == failure_kind::storage_broken);
  CHECK(q.broken.has_value());
  CHECK(q.counts().messages == 1);
  // Also where the next sync would work again: nothing can be trusted any more.
  fail = false;
  CHECK(q.commits.run([](write_txn&) {}).has_error());
}
