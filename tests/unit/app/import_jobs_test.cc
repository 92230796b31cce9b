// Import jobs over a store: restarts, cancels, what is kept and what is not, signs that come later.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <thread>

#include "app/evidence_gatherer.h"
#include "app/import_follow.h"
#include "app/import_runner.h"
#include "app/import_work.h"
#include "base/bytes.h"
#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
using namespace consentry::tests;
using journal::event_kind;

namespace {

std::string list_of(int count, const std::string& domain = "crowd.test",
                    const std::string& given_at = "2025-03-01T10:00:00") {
  std::string out = "email,topic,given_at,method,provenance,notice_hash\n";
  for (int i = 0; i < count; ++i)
    out += "p" + std::to_string(i) + "@" + domain + ",news," + given_at + ",web_form,own_form,h\n";
  return out;
}

struct jobs_world : app_world {
  using app_world::app_world;
  tenant_id shop = add_tenant("shop");
  import_runner::options options{.folder = folder.path() / "imports",
                                 .platform_key = std::string(32, 'k')};
  std::unique_ptr<import_runner> runner = std::make_unique<import_runner>(rooms, clock, options);

  import_job begin(const std::string& text, tenant_id tenant, import_job wanted = {}) {
    wanted.tenant = tenant;
    wanted.importer = "anna";
    wanted.source = "list.csv";
    wanted.bytes = text.size();
    auto j = runner->create(wanted).value();
    const auto half = text.size() / 2;
    j = runner->append(j.id, 0, std::string_view{text}.substr(0, half)).value();
    j = runner->append(j.id, half, std::string_view{text}.substr(half)).value();
    return runner->begin(j.id).value();
  }
  import_job wait_end(import_id id) {
    for (;;) {
      const auto j = runner->find(id).value();
      if (!j.is_open()) return j;
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }
  import_job import(const std::string& text, tenant_id tenant, import_job wanted = {}) {
    return wait_end(begin(text, tenant, std::move(wanted)).id);
  }
  bool has_consent(const std::string& address) {
    const auto key = key_of(shop, address, "news");
    return read([&](read_txn& txn) { return rooms.consents.find(txn, key).has_value(); });
  }
  std::size_t files_left() {
    std::size_t n = 0;
    if (!std::filesystem::exists(options.folder)) return 0;
    for (const auto& f : std::filesystem::recursive_directory_iterator{options.folder})
      n += f.is_regular_file() ? 1u : 0u;
    return n;
  }
};

}  // namespace

TEST_CASE("an import job runs to its end and leaves no copy of the list") {
  jobs_world w;
  w.runner->start();
  const auto j = w.import(list_of(1000), w.shop);
  CHECK(j.state == import_state::done);
  CHECK(j.position.sum.added == 1000);
  CHECK(j.rows_read == 1000);
  CHECK(w.has_consent("p7@crowd.test"));
  w.runner->stop();
  CHECK(w.files_left() == 0);
  const auto slices = w.events(event_kind::consent_imported);
  REQUIRE_FALSE(slices.empty());
  CHECK(slices[0].facts.at("import") == to_string(j.id));
  CHECK(slices[0].actor == "import:anna");
}

TEST_CASE("D1: rows an import refused stand in the histories of their persons, once") {
  jobs_world w;
  w.runner->start();
  const auto refused = [&] { return w.events(event_kind::consent_refused); };
  auto list = list_of(5);
  list.replace(list.rfind("own_form"), 8, "purchased");
  w.import(list, w.shop, {.is_dry_run = true});
  CHECK(refused().empty());
  const auto j = w.import(list, w.shop);
  CHECK(j.refused() == 1);
  REQUIRE(refused().size() == 1);
  const auto e = refused()[0];
  CHECK(e.person == w.key_of(w.shop, "p4@crowd.test", "news").person);
  CHECK(e.reason == "import.provenance_forbidden");
  CHECK(e.actor == "import:anna");
  CHECK(e.facts.at("import") == to_string(j.id));
  // The same list every night, also where it must be taken whole or not at all.
  for (const bool whole : {false, true, true}) w.import(list, w.shop, {.is_all_or_nothing = whole});
  CHECK(refused().size() == 1);
  CHECK_FALSE(w.has_consent("p4@crowd.test"));
}

TEST_CASE("a started job waits for the next start; what was uploaded is there") {
  jobs_world w;
  const auto waiting = w.begin(list_of(10), w.shop);
  CHECK(waiting.state == import_state::waiting);
  const auto half = w.runner->create({.tenant = w.shop, .source = "half.csv"}).value();
  w.runner->append(half.id, 0, "email,topic\n").value();
  w.runner = std::make_unique<import_runner>(w.rooms, w.clock, w.options);
  w.runner->start();
  CHECK(w.wait_end(waiting.id).position.sum.added == 10);
  CHECK(w.runner->find(half.id)->uploaded == 12);
  // What a crash wrote beyond the last acknowledged byte does not count.
  std::ofstream{w.options.folder / to_string(half.id) / "upload", std::ios::app} << "torn";
  w.runner->append(half.id, 12, "a@b.test,news\n").value();
  w.runner->begin(half.id).value();
  const auto ended = w.wait_end(half.id);
  CHECK(ended.state == import_state::refused);
  CHECK_THAT(ended.why, Catch::Contains("no column given_at"));
}

TEST_CASE("bytes of a part that failed are no part of the list, also where it is started next") {
  jobs_world w;
  const std::string list = list_of(3);
  const auto j = w.runner->create({.tenant = w.shop, .source = "list.csv"}).value();
  w.runner->append(j.id, 0, list).value();
  std::ofstream{w.options.folder / to_string(j.id) / "upload", std::ios::app}
      << "p9@crowd.test,news,2025-03-01T10:00:00,web_form,own_form,h\n";
  w.runner->begin(j.id).value();
  w.runner->start();
  const auto ended = w.wait_end(j.id);
  CHECK(ended.state == import_state::done);
  CHECK(ended.rows_read == 3);
  CHECK_FALSE(w.has_consent("p9@crowd.test"));
}

TEST_CASE("a job that was cancelled while the thread took it up is not worked on") {
  jobs_world w;
  auto j = w.begin(list_of(300), w.shop);
  w.runner->cancel(j.id).value();
  // As the thread read it before the cancel.
  j.state = import_state::planning;
  company_watch company{w.rooms.commits};
  const import_files files{w.options.folder};
  const prepared_hmac platform{w.options.platform_key};
  import_work work{{.rooms = w.rooms,
                    .clock = w.clock,
                    .files = files,
                    .platform = platform,
                    .company = company,
                    .lists = {}}};
  CHECK(work.run(j).has_value());
  CHECK(w.runner->find(j.id)->state == import_state::cancelled);
  CHECK_FALSE(w.has_consent("p7@crowd.test"));
  CHECK(w.files_left() == 0);
}

TEST_CASE("what cannot be looked at is not taken for what is not there") {
  jobs_world w;
  const auto j = w.begin(list_of(3), w.shop);
  const import_files files{w.options.folder};
  CHECK_FALSE(files.forget(j.id, [](std::string_view) { return true; }));
  // A folder in the place of the reject file opens, and reading it fails for ever.
  std::filesystem::create_directories(files.rejects(j.id));
  CHECK_THROWS_AS(files.forget(j.id, [](std::string_view) { return true; }), std::system_error);
  CHECK(import_files{w.folder.path() / "nowhere"}.list().empty());
  std::ofstream{w.folder.path() / "file"} << "x";
  CHECK_THROWS_AS(import_files{w.folder.path() / "file"}.list(), std::system_error);
}

TEST_CASE("an import that was planned only is planned again, one being applied goes on") {
  jobs_world w;
  auto j = w.begin(list_of(300), w.shop);
  // As a crash leaves them: planning, with half a plan in the folder.
  j.state = import_state::planning;
  j.now = w.clock.now();
  w.change([&](write_txn& txn) { w.rooms.imports.put(txn, j); });
  std::ofstream{w.options.folder / to_string(j.id) / "run0.0"} << "half";
  w.runner->start();
  const auto done = w.wait_end(j.id);
  CHECK(done.state == import_state::done);
  CHECK(done.position.sum.added == 300);
  CHECK(done.now == j.now);
}

TEST_CASE("all or nothing, dry run, cancel") {
  jobs_world w;
  const auto bad = list_of(5) + "nobody,news,2025-03-01,web_form,own_form,h\n";
  SECTION("a refused row refuses all") {
    w.runner->start();
    const auto j = w.import(bad, w.shop, {.is_all_or_nothing = true});
    CHECK(j.state == import_state::refused);
    CHECK_FALSE(w.has_consent("p1@crowd.test"));
    w.runner->stop();            // the files go behind the end that the store tells of
    CHECK(w.files_left() == 1);  // the rejects
    CHECK(std::filesystem::exists(w.runner->rejects_of(j.id)));
  }
  SECTION("a dry run stores nothing") {
    w.runner->start();
    const auto j = w.import(bad, w.shop, {.is_dry_run = true});
    CHECK(j.state == import_state::done);
    CHECK(j.taken == 5);
    CHECK(j.refused() == 1);
    CHECK_FALSE(w.has_consent("p1@crowd.test"));
  }
  SECTION("cancelled before it was its turn") {
    const auto j = w.begin(list_of(5), w.shop);
    CHECK(w.runner->cancel(j.id).value().state == import_state::cancelled);
    w.runner->start();
    CHECK(w.import(list_of(2, "next.test"), w.shop).state == import_state::done);
    CHECK_FALSE(w.has_consent("p1@crowd.test"));
    w.runner->stop();  // the files go behind the end that the store tells of
    CHECK(w.files_left() == 0);
    CHECK(w.runner->cancel(j.id).error().kind == failure_kind::conflict);
  }
}

TEST_CASE("rejects are kept for some days, an upload nobody goes on with is not kept") {
  jobs_world w;
  w.runner->start();
  const auto j = w.import(list_of(1) + "nobody\n", w.shop);
  const auto left = w.runner->create({.tenant = w.shop, .source = "left.csv"}).value();
  w.runner->append(left.id, 0, "secret@person.test").value();
  w.runner->stop();  // the files go behind the end that the store tells of
  CHECK(w.files_left() == 2);
  w.clock.advance(std::chrono::hours{21});
  w.runner = std::make_unique<import_runner>(w.rooms, w.clock, w.options);
  w.runner->start();
  CHECK(w.wait_end(left.id).state == import_state::cancelled);
  w.runner->stop();
  CHECK(w.files_left() == 1);
  w.clock.advance(std::chrono::hours{24} * 14);
  w.runner = std::make_unique<import_runner>(w.rooms, w.clock, w.options);
  w.runner->start();
  w.import(list_of(1), w.shop);  // the clean-up ran before
  w.runner->stop();
  CHECK_FALSE(std::filesystem::exists(w.runner->rejects_of(j.id)));
}

TEST_CASE("an erased person is taken out of reject files and samples") {
  jobs_world w;
  w.runner->start();
  const auto bad = list_of(0) + "Jane@Secret.test,news,2025-03-01,implicit,own_form,h\n" +
                   "john@secret.test,news,2025-03-01,implicit,own_form,h\n";
  const auto j = w.import(bad, w.shop);
  const erased_person jane{.tenant = w.shop,
                           .person = w.person_of(w.shop, "jane@secret.test"),
                           .name = {"jane@secret.test", ""}};
  CHECK(w.runner->hook_for_erasures()(jane).value() == 1);
  CHECK(w.runner->hook_for_erasures()(jane).value() == 0);
  std::ifstream in{w.runner->rejects_of(j.id)};
  const std::string left{std::istreambuf_iterator<char>{in}, {}};
  CHECK_THAT(left, Catch::StartsWith("line,reason,text,row\n3,import.method_implicit,") &&
                       !Catch::Contains("Jane") && Catch::Contains("john@secret.test"));
}

TEST_CASE("2.5.3: who else holds the addresses is told in steps of five percent, to no tenant") {
  jobs_world w;
  const auto other = w.add_tenant("other");
  w.runner->start();
  CHECK(w.import(list_of(3000), w.shop).shares.overlap == 0.0);
  // Every other address is known.
  std::string mixed = list_of(3000);
  mixed += list_of(3000, "unknown.test").substr(mixed.find('\n') + 1);
  const auto j = w.import(mixed, other);
  CHECK(j.shares.overlap.value() == Approx(0.5).margin(0.051));
  CHECK(std::round(*j.shares.overlap * 20) == Approx(*j.shares.overlap * 20));
  // One's own earlier import is no other's.
  CHECK(w.import(list_of(3000, "unknown.test"), other).shares.overlap == 0.0);
  // Small ones are neither compared nor remembered.
  CHECK_FALSE(w.import(list_of(500), other).shares.overlap);
  w.runner->stop();
  CHECK(w.rooms.imports.suspect_of(other));
  // A tenant that is gone takes its imports and samples along.
  bool is_more = true;
  while (is_more)
    w.change([&](write_txn& txn) { is_more = w.rooms.imports.remove_tenant(txn, w.shop, 100); });
  CHECK(w.read([&](read_txn& txn) { return w.rooms.imports.of_tenant(txn, w.shop, 9); }).empty());
  std::vector<std::uint64_t> of_shop;
  for (int i = 0; i < 3000; ++i) {
    const auto address = fmt::format("p{}@crowd.test", i);
    if (policy::consent::is_sampled(address)) of_shop.push_back(w.runner->platform_hash(address));
  }
  std::ranges::sort(of_shop);
  CHECK(of_shop.size() > 200);
  const auto third = w.add_tenant("third");
  CHECK(w.read([&](read_txn& txn) { return w.rooms.imports.count_shared(txn, third, of_shop); }) ==
        of_shop.size());  // other still has them
  CHECK(w.read([&](read_txn& txn) { return w.rooms.imports.count_shared(txn, other, of_shop); }) ==
        0);
}

TEST_CASE("2.5.3: early bounces and complaints of an import's addresses raise its score") {
  jobs_world w;
  w.runner->start();
  // Times that differ, so that nothing but the outcomes speaks.
  std::string text = "email,topic,given_at,method,provenance,notice_hash\n";
  for (int i = 0; i < 600; ++i)
    text += fmt::format("p{}@crowd.test,news,2025-02-{:02}T{:02}:{:02}:{:02},web_form,own_form,h\n",
                        i, 1 + i % 28, i % 24, i % 60, i * 7 % 60);
  const auto before = w.import(text, w.shop);
  CHECK(before.points() == 0);
  w.give_consent(w.shop, "older@crowd.test", "news", time_at("2025-02-01"));
  const auto tell = [&](event_kind kind, const std::string& address) {
    w.change([&](write_txn& txn) {
      w.rooms.journal.append(txn, {.kind = kind,
                                   .at = w.clock.now(),
                                   .tenant = w.shop,
                                   .person = w.person_of(w.shop, address)});
    });
  };
  for (int i = 0; i < 150; ++i)
    tell(i % 5 == 0 ? event_kind::bounced : event_kind::delivered,
         "p" + std::to_string(i) + "@crowd.test");
  tell(event_kind::bounced, "older@crowd.test");  // not of the import
  tell(event_kind::complained, "p1@crowd.test");
  while (follow_imports_once(w.rooms, w.clock.now(), 40).value()) {
  }
  const auto after = w.runner->find(before.id).value();
  CHECK(after.shares.delivered == 120);
  CHECK(after.shares.bounced == 30);
  CHECK(after.shares.complained == 1);
  CHECK(after.points() > 60);
  // Each entry counts once, and later ones not at all.
  CHECK_FALSE(follow_imports_once(w.rooms, w.clock.now()).value());
  w.clock.advance(watched_after_import + std::chrono::hours{1});
  tell(event_kind::bounced, "p2@crowd.test");
  follow_imports_once(w.rooms, w.clock.now()).value();
  CHECK(w.runner->find(before.id)->shares.bounced == 30);

  const auto suspect = w.rooms.imports.suspect_of(w.shop);
  REQUIRE(suspect);
  CHECK(suspect->id == before.id);
  CHECK(suspect->points == after.points());
  SECTION("until the desk has looked, a restart over") {
    w.runner->release(before.id, "the addresses were typed wrong", "desk:anna").value();
    CHECK_FALSE(w.rooms.imports.suspect_of(w.shop));
    const auto acts = w.events(event_kind::desk_act);
    REQUIRE(acts.size() == 1);
    CHECK(acts[0].reason == "import.released");
    CHECK(acts[0].facts.at("why") == "the addresses were typed wrong");
  }
  SECTION("the judge hears of it") {
    const auto directory = w.rooms.directory.get();
    const auto e = w.read([&](read_txn& txn) {
      return gather(w.rooms, *directory, txn,
                    {.now = w.clock.now(), .tenant = w.shop, .recipient_key = "p1@crowd.test"});
    });
    REQUIRE(e.suspect);
    CHECK(e.suspect->score == after.points());
  }
}

TEST_CASE("a job survives encoding") {
  import_job j{.id = {7}, .tenant = {3}, .state = import_state::applying};
  j.importer = "anna";
  j.source = "lista, új.csv";
  j.format = policy::consent::import_format::ndjson;
  j.mapping = "E-mail=email";
  j.delimiter = ';';
  j.is_all_or_nothing = true;
  j.bytes = 1'000'000'000;
  j.uploaded = 5;
  j.now = from_ms(1'700'000'000'000);
  j.refused_by_reason = {{"import.too_old", 3}};
  j.ignored_columns = {"shoe size"};
  j.runs = {"run0.0", "run1.0"};
  j.samples = {"sample0.0"};
  j.position = {.rows = 9, .sum = {.added = 1, .renewed = 2, .kept = 3, .still_withdrawn = 4}};
  j.why = "waits";
  j.shares = {.rows = 1000, .roles = 0.25, .same_time = 0.5, .overlap = 0.55, .bounced = 3};
  j.released_at = from_ms(5);
  j.released_by = "desk:anna";
  const auto bytes = encode(j);
  const auto again = decode_import_job(bytes);
  CHECK(encode(again) == bytes);
  CHECK(again.position.sum == j.position.sum);
  CHECK(again.shares.overlap == Approx(0.55));
  CHECK(again.delimiter == ';');
  CHECK_THROWS_AS(decode_import_job(bytes.substr(0, bytes.size() - 1)), decode_error);
  CHECK_THROWS_AS(decode_import_job(bytes + "x"), decode_error);
  CHECK(parse_import_id("i000007")->value == 7);
  for (const char* no : {"", "i", "7", "m7", "i0", "i7x", "i-7", "i99999999999999999999"})
    CHECK_FALSE(parse_import_id(no));
}
