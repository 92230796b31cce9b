// RULES A6: sector exemptions, from the operator's act to the verdict, the hand-over and a restore.
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>

#include "app/intake.h"
#include "app/journal_file.h"
#include "app/policy_loading.h"
#include "app/restore_replay.h"
#include "app/store_snapshot.h"
#include "app/tenant_export.h"
#include "app/tenant_import.h"
#include "journal/event_codec.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/app/tenant_world.h"

using namespace consentry;
using namespace consentry::app;
using consentry::tests::tenant_world;

namespace {

std::shared_ptr<const active_policy> shipped() {
  static const auto policy = load_policy(CONSENTRY_SOURCE_DIR "/conf/policy/default.toml",
                                         CONSENTRY_SOURCE_DIR "/conf/patterns");
  return policy;
}

struct world : tenant_world {
  explicit world(const std::filesystem::path& store = {}) : tenant_world{store} {
    live.policy.set(shipped());
    if (!store.empty() && rooms.directory.get()->find_named("shop") != nullptr) return;
    for (const std::string name : {"shop", "bank"}) add_domain(add_tenant(name), name + ".test");
  }
  intake submissions{{.rooms = rooms,
                      .live = live,
                      .workers = workers,
                      .clock = clock,
                      .notify_queue = [](instant) {}},
                     {.host_name = "mx.test",
                      .retry = {},
                      .notices = {.host_name = "mx.test", .from = "pm@mx.test"}}};

  // What became of a mail that speaks of gambling.
  std::string send(const std::string& tenant) {
    smtp::server::session_info s;
    s.id = "s1";
    s.who = smtp::server::principal{.tenant = tenant_named(tenant),
                                    .credential = "till",
                                    .stream = smtp::stream::transactional};
    smtp::envelope e;
    e.reverse_path = smtp::mailbox::parse("till@" + tenant + ".test").value();
    e.recipients.push_back({.address = smtp::mailbox::parse("jane@one.test").value()});
    const auto reply = wait_for(submissions.message(
        s, e,
        "From: Shop <till@" + tenant +
            ".test>\r\nTo: jane@one.test\r\nSubject: Online kaszin=?utf-8?q?=C3=B3?= "
            "b=?utf-8?q?=C3=B3?=nusz\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nOnline "
            "kaszinónkban ingyen pörgetés és 100% bónusz! Sportfogadás, póker, rulett. "
            "Regisztráljon most, nyerjen készpénzt!\r\n"));
    CHECK(reply.code == 250);
    return events(journal::event_kind::held).size() == held_++ ? (--held_, "sent") : "held";
  }
  boost::json::object asked(const std::string& method, std::vector<std::string> path,
                            const std::string& body, int status) {
    const auto r = ask(method, std::move(path), body);
    INFO(r.body);
    CHECK(r.status == status);
    return boost::json::parse(r.body).as_object();
  }
  boost::json::object grant(const std::string& category, const std::string& until, int status = 201,
                            const std::string& reason = "licence SZTFH 12") {
    return asked("POST", {"tenants", "shop", "exemptions"},
                 R"({"category": ")" + category + R"(", "until": ")" + until + R"(", "reason": ")" +
                     reason + R"("})",
                 status);
  }
  boost::json::object end(const std::string& id, int status = 200) {
    return asked("POST", {"tenants", "shop", "exemptions", id, "end"},
                 R"({"reason": "the licence was taken back"})", status);
  }

 private:
  std::size_t held_ = 0;
};

}  // namespace

TEST_CASE(
    "A6: mail of an exempt sector is sent, of that tenant alone, to the end of the last day") {
  world w;
  w.clock.set(tests::time_at("2025-03-14T12:00:00"));
  CHECK(w.send("shop") == "held");
  const auto x = w.grant("S3", "2025-03-15");
  CHECK(x.at("exemption") == "x1");
  CHECK(x.at("approver") == "desk:anna");
  CHECK(x.at("counts") == true);
  CHECK(w.send("shop") == "sent");
  CHECK(w.send("bank") == "held");
  // Verdict and history tell what let it pass.
  const auto told = w.events(journal::event_kind::accepted).at(1);
  CHECK(told.facts.at("exempt_S3") == "x1 to 2025-03-15, granted by desk:anna (licence SZTFH 12)");
  const auto kept =
      w.read([&](read_txn& txn) { return w.rooms.verdicts.find(txn, {told.message.value + 1}); });
  REQUIRE(kept);
  CHECK(kept->exemptions.at("S3") == told.facts.at("exempt_S3"));
  const auto why = w.asked("GET", {"tenants", "shop", "why", to_string(told.message)}, "", 200);
  CHECK(boost::json::serialize(why).find("x1 to 2025-03-15") != std::string::npos);
  w.clock.set(tests::time_at("2025-03-15T23:59:59"));
  CHECK(w.send("shop") == "sent");
  w.clock.set(tests::time_at("2025-03-16T00:00:00"));
  CHECK(w.send("shop") == "held");
  const auto listed = w.asked("GET", {"tenants", "shop", "exemptions"}, "", 200);
  CHECK(listed.at("exemptions").at(0).at("counts") == false);
  w.end("x1", 409);
}

TEST_CASE("A6: the API refuses hard categories with the place; the same grant twice is one") {
  world w;
  for (const char* h : {"H1", "H2", "H3", "H4", "H5", "H6", "H7", "H8"}) {
    const auto no = w.grant(h, "2025-06-01", 422);
    CHECK(no.at("detail").as_string() ==
          "category: " + std::string{h} +
              " is a hard category, from which nobody is exempt (RULES A6)");
  }
  w.grant("S3", "2025-02-30", 422);
  w.grant("S3", "2028-01-01", 422);
  CHECK(w.asked("GET", {"tenants", "shop", "exemptions"}, "", 200)
            .at("exemptions")
            .as_array()
            .empty());
  w.clock.set(tests::time_at("2025-03-14T12:00:00"));
  CHECK(w.grant("S3", "2025-06-01").at("exemption") == "x1");
  CHECK(w.grant("S3", "2025-06-01", 200).at("exemption") == "x1");
  CHECK(w.grant("S3", "2025-09-01").at("exemption") == "x2");
  const auto acts = w.events(journal::event_kind::desk_act);
  CHECK(acts.size() == 2);
  CHECK(acts.back().facts.at("act") == "exemption.grant");
  CHECK(acts.back().reason == "licence SZTFH 12");
  // Ending one says which others still count.
  CHECK(boost::json::serialize(w.end("x1").at("still_exempt_by")) == R"(["x2"])");
  CHECK(w.send("shop") == "sent");
  CHECK(boost::json::serialize(w.end("x2").at("still_exempt_by")) == "[]");
  w.end("x2");  // twice is once
  CHECK(w.events(journal::event_kind::desk_act).size() == 4);
  CHECK(w.send("shop") == "held");
  w.end("x9", 404);
  w.end("1", 404);
}

TEST_CASE("A6, A2.12: exemptions travel with the hand-over; of a closed account they are over") {
  for (const bool is_closed : {false, true}) {
    world w;
    w.clock.set(tests::time_at("2025-03-14T12:00:00"));
    w.grant("S1", "2025-06-01");
    w.grant("S3", "2025-06-01");
    w.end("x1");
    if (is_closed) w.set_state(w.tenant_named("shop"), policy::tenants::tenant_state::terminated);
    const auto t = *w.rooms.directory.get()->find_named("shop");
    const auto made = export_tenant(w.care, t, export_format::json, true, "desk:anna").value();
    const auto file = find_export(w.care, t.id, made.id).value();
    const auto back = import_tenant(w.care, file, "shop2", "desk:eva").value();
    const auto of = [&](tenant_id id) {
      return w.read([&](read_txn& txn) { return w.rooms.exemptions.all(txn, id); });
    };
    const auto before = of(t.id), after = of(back.tenant.id);
    REQUIRE(after.size() == 2);
    CHECK(after[0] == before[0]);
    CHECK(after[1].counts_at(w.clock.now()) == !is_closed);
    if (!is_closed) CHECK(after[1] == before[1]);
  }
}

TEST_CASE("A2.8: an exemption that was ended after the copy is ended by the replay") {
  tests::temp_folder folder;
  const auto copy = folder.path() / "copy", journal = folder.path() / "journal";
  {
    world w;
    w.grant("S3", "2025-06-01");
    REQUIRE(take_snapshot(w.rooms, w.clock, copy, {}).has_value());
    w.end("x1");
    std::ofstream out{journal, std::ios::binary};
    w.read([&](read_txn& txn) {
      out << head_line({1}, journal::chain_start);
      for (const auto& e : w.rooms.journal.scan_raw(txn, {1}, 1000))
        out << to_line({e.seq, e.hash, e.encoded});
      return 0;
    });
  }
  world w{copy};
  const auto counting = [&] {
    return w.read([&](read_txn& txn) {
      return w.rooms.exemptions.all(txn, w.tenant_named("shop")).at(0).counts_at(w.clock.now());
    });
  };
  CHECK(counting());
  REQUIRE(replay_journal({.rooms = w.rooms, .clock = w.clock, .hooks = {}}, journal).has_value());
  CHECK_FALSE(counting());
}
