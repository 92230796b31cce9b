#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <thread>

#include "base/commit_loop.h"
#include "base/lmdb_env_compaction.h"
#include "tests/support/temp_folder.h"

using namespace consentry;

namespace {

struct compacted_store {
  tests::temp_folder folder;
  std::filesystem::path path = folder.path() / "store";
  store_env env{{.folder = path, .map_size = 1ULL << 30}};
  table a = env.open_table("a");
  table b = env.open_table("b");
  commit_loop loop{env, {.reserve_bytes = 0}, [](const failure&) {}};

  void change(const commit_loop::operation& op) { loop.run(op).value(); }
  compaction_report compact() {
    return compact_store(env, {.reserve_bytes = 0, .share = 1.0}).value();
  }
  bool holds(std::string_view text) const {
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      std::ifstream in{entry.path(), std::ios::binary};
      const std::string bytes{std::istreambuf_iterator<char>{in}, {}};
      if (bytes.find(text) != std::string::npos) return true;
    }
    return false;
  }
  std::map<std::string, std::string> all(table t) const { return all_of(env, t); }
  static std::map<std::string, std::string> all_of(const store_env& e, table t) {
    std::map<std::string, std::string> out;
    auto txn = e.begin_read();
    for (auto c = txn.scan(t); c.next();) out.emplace(c.key(), c.value());
    return out;
  }
};

std::string numbered(int n) {
  auto s = std::to_string(n);
  return std::string(8 - s.size(), '0') + s;
}

}  // namespace

TEST_CASE("erased bytes leave the file with a compaction, and not before") {
  compacted_store s;
  s.change([&](write_txn& txn) {
    for (int i = 0; i < 2000; ++i)
      txn.put(s.a, numbered(i), "jane.doe@example.hu row " + numbered(i));
    txn.put(s.b, "kept", "a value that stays");
  });
  s.change([&](write_txn& txn) {
    for (int i = 0; i < 2000; ++i)
      if (i % 7 != 0) txn.erase(s.a, numbered(i));
    for (int i = 0; i < 2000; i += 7) txn.put(s.a, numbered(i), "somebody else");
  });
  CHECK(s.holds("jane.doe"));
  const auto before = s.all(s.a);
  const auto report = s.compact();
  CHECK_FALSE(s.holds("jane.doe"));
  CHECK(s.holds("a value that stays"));
  CHECK(s.all(s.a) == before);
  CHECK(report.entries == before.size() + 1);
  CHECK(report.is_old_file_gone);
  CHECK(report.bytes_after < report.bytes_before);
  CHECK_FALSE(std::filesystem::exists(s.path / "data.mdb.new"));
  CHECK_FALSE(std::filesystem::exists(s.path / "data.mdb.changes"));
}

TEST_CASE("the handles stay valid over compactions and a new start") {
  compacted_store s;
  s.change([&](write_txn& txn) { txn.put(s.b, "1", "one"); });
  for (int i = 0; i < 3; ++i) {
    s.compact();
    s.change([&](write_txn& txn) { txn.put(s.b, numbered(i), "after"); });
  }
  CHECK(s.all(s.b).size() == 4);
  CHECK(s.all(s.a).empty());
  const auto there = s.all(s.b);
  tests::temp_folder copy;
  copy_store(s.env, copy.path() / "copy").value();
  store_env again{{.folder = copy.path() / "copy", .map_size = 1ULL << 30}};
  // Another order of opening.
  const auto b = again.open_table("b");
  CHECK(compacted_store::all_of(again, b) == there);
  CHECK(copy_store(s.env, copy.path() / "copy").error().kind == failure_kind::conflict);
}

TEST_CASE("a reader keeps the file it began on") {
  compacted_store s;
  s.change([&](write_txn& txn) { txn.put(s.a, "k", "old"); });
  auto reader = std::make_unique<read_txn>(s.env.begin_read());
  std::thread compacting{[&] { CHECK(s.compact().is_old_file_gone); }};
  // The swap does not wait for the reader: a write goes to the new file while the old one is read.
  s.change([&](write_txn& txn) { txn.put(s.a, "k", "new"); });
  CHECK(reader->get(s.a, "k") == "old");
  reader.reset();
  compacting.join();
  CHECK(s.all(s.a).at("k") == "new");
}

TEST_CASE(
    "what is written while the copy is made is in it: puts, appends, erasures, by cursor too") {
  compacted_store s;
  s.change([&](write_txn& txn) {
    for (int i = 0; i < 20000; ++i) txn.put(s.a, numbered(i), std::string(100, 'x'));
  });
  std::atomic<bool> is_over{false};
  std::atomic<int> commits{0};
  std::map<std::string, std::string> model = s.all(s.a);
  std::thread writing{[&] {
    std::minstd_rand random{7};
    int next = 30000;
    while (!is_over) {
      auto after = model;
      s.change([&](write_txn& txn) {
        after = model;
        for (int i = 0; i < 20; ++i) {
          const auto key = numbered(static_cast<int>(random() % 25000));
          txn.put(s.a, key, std::to_string(i));
          after[key] = std::to_string(i);
        }
        const auto gone = numbered(static_cast<int>(random() % 20000));
        txn.erase(s.a, gone);
        after.erase(gone);
        {
          auto c = txn.scan(s.a);
          if (c.seek(numbered(static_cast<int>(random() % 20000)))) {
            after.erase(std::string{c.key()});
            c.erase();
          }
        }
        txn.append(s.a, numbered(next), "appended");
        after[numbered(next)] = "appended";
      });
      ++next;
      ++commits;
      model = std::move(after);
    }
  }};
  std::atomic<bool> is_consistent{true};
  std::vector<std::thread> readers;
  for (int n = 0; n < 2; ++n)
    readers.emplace_back([&] {
      while (!is_over) {
        auto txn = s.env.begin_read();
        std::uint64_t count = 0;
        for (auto c = txn.scan(s.a); c.next();) ++count;
        if (count != txn.entries(s.a)) is_consistent = false;
      }
    });
  for (int i = 0; i < 5; ++i) {
    const auto from = commits.load();
    const auto report = s.compact();
    CHECK(report.is_old_file_gone);
    while (commits < from + 5) std::this_thread::yield();
  }
  is_over = true;
  writing.join();
  for (auto& r : readers) r.join();
  CHECK(is_consistent);
  CHECK(s.all(s.a) == model);
}

TEST_CASE("a dropped transaction's keys change nothing") {
  compacted_store s;
  s.change([&](write_txn& txn) { txn.put(s.a, "k", "stays"); });
  int dropped = 0;
  const auto drop_one = [&](const compaction_progress&) {
    const auto done = s.loop.run([&](write_txn& txn) {
      txn.put(s.a, "k", "dropped");
      throw store_error(28, "pretending");
    });
    dropped += done.has_error();
  };
  const auto report =
      compact_store(s.env, {.reserve_bytes = 0, .share = 1.0, .progress = drop_one});
  REQUIRE(report.has_value());
  CHECK(dropped > 0);
  CHECK(s.all(s.a).at("k") == "stays");
}

TEST_CASE("a compaction that is cancelled, or finds no room, leaves all as it was") {
  compacted_store s;
  s.change([&](write_txn& txn) { txn.put(s.a, "k", "v"); });
  CHECK(compact_store(s.env, {.is_cancelled = [] { return true; }}).error().kind ==
        failure_kind::cancelled);
  CHECK(compact_store(s.env, {.reserve_bytes = 1ULL << 60}).error().kind ==
        failure_kind::storage_full);
  CHECK_FALSE(std::filesystem::exists(s.path / "data.mdb.new"));
  s.change([&](write_txn& txn) { txn.put(s.a, "l", "v"); });
  CHECK(s.all(s.a).size() == 2);
  s.compact();
  CHECK(s.all(s.a).size() == 2);
}

TEST_CASE("left-overs of a crash are removed at the start") {
  tests::temp_folder folder;
  for (const char* name : {"data.mdb.new", "data.mdb.new-lock", "data.mdb.changes"})
    std::ofstream{folder.path() / name} << "torn";
  store_env env{{.folder = folder.path(), .map_size = 1u << 20}};
  CHECK_FALSE(std::filesystem::exists(folder.path() / "data.mdb.new"));
  CHECK_FALSE(std::filesystem::exists(folder.path() / "data.mdb.new-lock"));
  CHECK_FALSE(std::filesystem::exists(folder.path() / "data.mdb.changes"));
}

TEST_CASE("usage tells free pages from used ones") {
  compacted_store s;
  s.change([&](write_txn& txn) {
    for (int i = 0; i < 5000; ++i) txn.put(s.a, numbered(i), std::string(500, 'x'));
  });
  s.change([&](write_txn& txn) {
    for (int i = 0; i < 5000; ++i) txn.erase(s.a, numbered(i));
  });
  s.change([&](write_txn& txn) { txn.put(s.a, "k", "v"); });
  const auto before = s.env.usage();
  CHECK(before.free_bytes > before.file_bytes / 2);
  s.compact();
  CHECK(s.env.usage().file_bytes < before.file_bytes / 10);
}
