// What must hold of every file, however it is cut and in whatever order it comes. CONSENTRY_SEED
// repeats a run.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>

#include "tests/unit/policy_consent/import_world.h"

using namespace consentry;
using namespace consentry::policy::consent;
using namespace consentry::policy::consent::tests;

namespace {

std::uint32_t seed() {
  const char* given = std::getenv("CONSENTRY_SEED");
  return given != nullptr ? static_cast<std::uint32_t>(std::atoi(given)) : std::random_device{}();
}

const std::string columns_line =
    "email,topic,given_at,method,provenance,notice_hash,name,purchase_day,tick,withdrawn_at\n";

// A row about one of few people, so that many meet.
std::string random_row(std::mt19937& random) {
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  const auto day = [&] {
    return "2026-0" + std::to_string(1 + pick(2)) + "-" + std::to_string(10 + pick(18));
  };
  const char* names[] = {"", "Éva", "\"Nagy, Béla\"", "\"two\nlines \"\"quoted\"\"\""};
  const char* ticks[] = {"", "ticked", "unticked", "none"};
  const bool is_withdrawn = pick(8) == 0;
  return "p" + std::to_string(pick(40)) + "@b.hu," + (pick(3) == 0 ? "offers" : "news") + "," +
         day() + "T" + std::to_string(10 + pick(10)) + ":00:00," +
         (pick(12) == 0 ? "implicit" : "web_form") + ",own_form,h," + names[pick(4)] + "," +
         (pick(3) == 0 ? day() : "") + "," + ticks[pick(4)] + "," + (is_withdrawn ? day() : "") +
         "\n";
}

// All that is stored, but for the salts.
std::vector<std::string> ledger_of(world& w) {
  std::vector<std::string> out;
  const auto txn = w.env.begin_read();
  for (int i = 0; i < 40; ++i) {
    const auto who = person("p" + std::to_string(i));
    for (auto& l : w.ledger.list(txn, tenant_id{1}, who)) {
      l.record.salt = std::string(16, '.');
      l.record.import_entry = {};  // which depends on the slices
      out.push_back(who + encode(l.record));
    }
    if (const auto p = w.ledger.find_person(txn, tenant_id{1}, who)) out.push_back(encode(*p));
  }
  return out;
}

}  // namespace

TEST_CASE("any piece, run and slice size and number of threads gives the same ledger and rejects") {
  const auto s = seed();
  INFO("CONSENTRY_SEED=" << s);
  std::mt19937 random{s};
  std::string file = columns_line;
  for (int i = 0; i < 600; ++i) file += random_row(random);
  std::vector<std::string> expected;
  std::string rejects;
  for (int round = 0; round < 6; ++round) {
    import_limits limits;
    limits.piece_bytes = round == 0 ? 1u << 20 : 64 + random() % 5000;
    limits.run_bytes = round == 0 ? 1u << 20 : 500 + random() % 20000;
    limits.threads = 1 + static_cast<unsigned>(round) % 3;
    const auto p = plan_text(file, request(), lookup(), limits);
    REQUIRE(p.has_value());
    CHECK(p->plan.rows_read == 600);
    CHECK(p->plan.refused_count() > 0);
    world w;
    apply_options options{.slice_rows = 1 + random() % 300};
    const auto done = apply_import(p->plan.runs, request(), w.ledger, submit_twice(w), options);
    REQUIRE(done.has_value());
    if (round == 0) {
      expected = ledger_of(w);
      rejects = p->rejects();
    }
    CHECK(ledger_of(w) == expected);
    CHECK(p->rejects() == rejects);
    CHECK(w.journal.verify(w.env.begin_read()).is_whole());
  }
}

TEST_CASE(
    "an import that dies between any two slices and goes on gives the same ledger and counts") {
  const auto s = seed();
  INFO("CONSENTRY_SEED=" << s);
  std::mt19937 random{s};
  std::string file = columns_line;
  for (int i = 0; i < 200; ++i) file += random_row(random);
  const auto p = plan_text(file);
  REQUIRE(p.has_value());
  world whole;
  const auto at_once =
      apply_import(p->plan.runs, request(), whole.ledger, submit_twice(whole), {.slice_rows = 7});
  REQUIRE(at_once.has_value());
  world w;
  import_position noted;
  for (int lives = 0; lives < 1000; ++lives) {
    int left = static_cast<int>(random() % 6);
    const auto twice = submit_twice(w);
    const submit_slice submit = [&](commit_loop::operation op) {
      if (left-- > 0) return twice(std::move(op));
      std::promise<result<void>> dead;
      dead.set_value(failure{.kind = failure_kind::unavailable});
      return dead.get_future();
    };
    apply_options options{.from = noted, .slice_rows = 1 + random() % 20};
    options.note = [&](write_txn&, const import_position& at) { noted = at; };
    if (apply_import(p->plan.runs, request(), w.ledger, submit, options)) break;
  }
  CHECK(noted.rows == p->plan.taken);
  CHECK(noted.sum == at_once->sum);
  CHECK(ledger_of(w) == ledger_of(whole));
}

TEST_CASE("D3: an older import never revives a withdrawal, in whatever order files come") {
  const auto s = seed();
  INFO("CONSENTRY_SEED=" << s);
  std::mt19937 random{s};
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> files;
    for (int f = 0; f < 3; ++f) {
      auto& text = files.emplace_back(columns_line);
      for (int i = 0; i < 30; ++i) text += random_row(random);
    }
    // Everybody has withdrawn on the last day of the files, or later.
    std::ranges::shuffle(files, random);
    world w;
    const auto when = random() % files.size();
    for (std::size_t f = 0; f < files.size(); ++f) {
      if (f == when)
        for (int i = 0; i < 40; ++i)
          w.withdraw_all(key_of("p" + std::to_string(i)), "2026-02-28T09:00:00");
      import_into(w, files[f]);
    }
    for (int i = 0; i < 40; ++i)
      for (const char* topic : {"news", "offers"})
        CHECK(w.state(key_of("p" + std::to_string(i), topic)) != "given");
    import_into(w, columns_line + "p1@b.hu,news,2026-03-01,web_form,own_form,h,,,,\n");
    CHECK(w.state(key_of("p1")) == "given");
  }
}
