// Segments with dead bodies are emptied and removed; what lives in them stays readable all the
// time.
#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <thread>

#include "queue/named_person.h"
#include "queue/spool_rewrite.h"
#include "tests/unit/queue/store_fixture.h"

using namespace consentry;
using namespace consentry::queue;
using namespace consentry::queue::tests;

namespace {

struct rewritten {
  consentry::tests::temp_folder folder;
  store_on q{folder.path(), disk_calls::real(), 4096};

  spool_rewrite_report rewrite() {
    return rewrite_spool(q.env, q.commits, q.store, q.bodies, {.share = 1.0}).value();
  }
  message_id send(const std::string& body, std::size_t recipients = 1) {
    std::vector<queued_recipient> rows;
    for (std::size_t i = 0; i < recipients; ++i) rows.push_back(to("jane", "a.test"));
    return q.accept(bulk_message(), rows, body);
  }
  void cancel(message_id id, std::uint64_t which = 1) {
    q.commits
        .run([&](write_txn& txn) { q.store.cancel(txn, {id.value + which}, "test", noon, {}); })
        .value();
  }
  std::string body(message_id id) { return q.bodies.read(q.message(id).body_at).value(); }
  bool on_disk(std::string_view words) const {
    for (const auto& e : std::filesystem::directory_iterator{folder.path() / "spool"}) {
      std::ifstream in{e.path(), std::ios::binary};
      const std::string bytes{std::istreambuf_iterator<char>{in}, {}};
      if (bytes.find(words) != std::string::npos) return true;
    }
    return false;
  }
};

}  // namespace

TEST_CASE("a rewrite removes dead bodies and keeps living ones, also in the current segment") {
  rewritten r;
  const auto dead = r.send("the dead one");
  const auto kept = r.send("the living one");
  const auto half = r.send("two wait for it", 2);
  r.cancel(dead);
  r.cancel(half);
  CHECK(r.on_disk("the dead one"));
  const auto report = r.rewrite();
  CHECK(report.segments == 1);
  CHECK(report.bodies == 2);
  CHECK(report.left_over == 0);
  CHECK_FALSE(r.on_disk("the dead one"));
  CHECK(r.body(kept) == "the living one");
  CHECK(r.body(half) == "two wait for it");
  // Nothing dead is left: the next one has nothing to do.
  CHECK(r.rewrite().bodies == 0);
  r.cancel(kept);
  r.cancel(half, 2);
  CHECK(r.rewrite().segments == 1);
  CHECK(r.q.bodies.segments() == 0);
}

TEST_CASE("a segment of living bodies only is left alone") {
  rewritten r;
  std::vector<message_id> all;
  for (int i = 0; i < 20; ++i) all.push_back(r.send(std::string(600, 'x') + std::to_string(i)));
  const auto segments = r.q.bodies.segments();
  CHECK(segments > 2);
  r.cancel(all[0]);
  const auto report = r.rewrite();
  CHECK(report.segments == 1);
  CHECK(report.bodies < 10);
  for (int i = 1; i < 20; ++i) CHECK(r.body(all[static_cast<std::size_t>(i)]).size() > 600);
}

TEST_CASE("who read the place of a body before it moved still finds the body") {
  rewritten r;
  const auto dead = r.send("dead");
  const auto kept = r.send("the living one");
  const auto before = r.q.message(kept).body_at;
  r.cancel(dead);
  r.rewrite();
  const auto once = r.q.message(kept).body_at;
  CHECK(once != before);
  CHECK(r.q.bodies.read(before).value() == "the living one");
  r.cancel(r.send("dead too"));
  r.rewrite();
  CHECK(r.body(kept) == "the living one");
}

TEST_CASE("moves are counted, so that a new start finds every body") {
  rewritten r;
  const auto dead = r.send("dead");
  const auto kept = r.send("the living one");
  r.cancel(dead);
  r.rewrite();
  const auto at = r.q.message(kept).body_at;
  auto txn = r.q.env.begin_read();
  CHECK(r.q.store.open_messages_in(txn, at.segment) == 1);
  CHECK(r.q.store.last_segment(txn) == at.segment);
}

TEST_CASE("mail is accepted, read and ended while the spool is rewritten") {
  rewritten r;
  std::atomic<bool> is_over{false}, is_good{true};
  std::thread busy{[&] {
    std::vector<message_id> open;
    for (int n = 0; !is_over; ++n) {
      open.push_back(r.send("body " + std::to_string(n) + std::string(200, '.')));
      const auto at = r.q.message(open.front()).body_at;
      if (!r.q.bodies.read(at)) is_good = false;
      if (open.size() > 30) {
        r.cancel(open.front());
        open.erase(open.begin());
      }
    }
    for (const auto id : open)
      if (!r.body(id).starts_with("body ")) is_good = false;
  }};
  for (int i = 0; i < 8; ++i) r.rewrite();
  is_over = true;
  busy.join();
  CHECK(is_good);
}

TEST_CASE("a snapshot holds the segments, and the rewrite says what is left") {
  rewritten r;
  const auto dead = r.send("dead");
  r.send("alive");
  r.cancel(dead);
  auto held = r.q.bodies.hold_all();
  CHECK(r.q.bodies.removable().empty());
  held.reset();
  CHECK(r.rewrite().left_over == 0);
  const auto stopped = rewrite_spool(r.q.env, r.q.commits, r.q.store, r.q.bodies,
                                     {.is_cancelled = [] { return true; }});
  CHECK(stopped.error().kind == failure_kind::cancelled);
}

TEST_CASE("a damaged body stays where it is, and nothing that was dead beside it") {
  rewritten r;
  const auto dead = r.send("the dead one before");
  const auto damaged = r.send("the damaged one");
  const auto dead_too = r.send("the dead one behind");
  const auto kept = r.send("the living one");
  const auto at = r.q.message(damaged).body_at;
  {
    const auto file = r.folder.path() / "spool" / "000001.seg";
    REQUIRE(std::filesystem::exists(file));
    std::fstream f{file, std::ios::in | std::ios::out | std::ios::binary};
    std::string all{std::istreambuf_iterator<char>{f}, {}};
    f.clear();
    f.seekp(static_cast<std::streamoff>(all.find("the damaged one")));
    f << "THE";
  }
  r.cancel(dead);
  r.cancel(dead_too);
  for (int run = 0; run < 2; ++run) {
    const auto report = r.rewrite();
    CHECK(report.damaged == 1);
    CHECK(report.left_over == 0);
    CHECK_FALSE(r.on_disk("the dead one"));
    CHECK(r.on_disk("THE damaged one"));
    CHECK(r.body(kept) == "the living one");
    CHECK(r.q.message(damaged).body_at == at);
    CHECK(r.q.bodies.read(at).has_error());
  }
  // Brought back from a copy of the disk, it is a body like any other.
  {
    std::fstream f{r.folder.path() / "spool" / "000001.seg",
                   std::ios::in | std::ios::out | std::ios::binary};
    std::string all{std::istreambuf_iterator<char>{f}, {}};
    f.clear();
    f.seekp(static_cast<std::streamoff>(all.find("THE damaged one")));
    f << "the";
  }
  CHECK(r.rewrite().damaged == 0);
  CHECK(r.body(damaged) == "the damaged one");
  CHECK(r.q.message(damaged).body_at != at);
}

TEST_CASE("D4: the forms in which an address stands in texts") {
  const named_person jane{"Jane.Doe@example.hu", "Jane Doe"};
  for (const char* text : {"to <JANE.DOE@Example.HU>", "b-jane.doe=example.hu@crm.test",
                           "?m=jane.doe%40example.hu", "x jane.doe=40example.hu"}) {
    INFO(text);
    CHECK(jane.is_in(text));
    CHECK_FALSE(jane.is_in(jane.without(text)));
  }
  CHECK_FALSE(jane.is_in("jane@example.hu, doe@example.hu"));
  CHECK_FALSE(jane.is_in("Jane Doe"));
  CHECK(jane.is_named_in("dear JANE DOE"));
  // Three letters name nobody.
  CHECK_FALSE(named_person("x@y.hu", "Joe").is_named_in("Joe"));
  const auto redacted = jane.redacted(
      "To: Bob <b@x.hu>,\r\n \"Jane Doe\" <jane.doe@example.hu>\r\nSubject: Jane Doe\r\n\r\n"
      "Jane Doe <jane.doe@example.hu>\r\n");
  CHECK(redacted ==
        "To: Bob <b@x.hu>,\r\n \"erased\" <erased@erased.invalid>\r\nSubject: Jane Doe\r\n\r\n"
        "Jane Doe <erased@erased.invalid>\r\n");
}
