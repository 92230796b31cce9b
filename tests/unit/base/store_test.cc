#include <catch2/catch.hpp>
#include <cerrno>
#include <future>

#include "base/commit_loop.h"
#include "base/lmdb_env.h"
#include "tests/support/temp_folder.h"

using namespace consentry;

namespace {

struct store {
  tests::temp_folder folder;
  store_env env{{.folder = folder.path() / "store", .map_size = 64u << 20}};
  table t = env.open_table("t");
  std::optional<failure> broken;
  std::uint64_t reserve = 0;
  commit_loop loop{env, {.reserve_bytes = reserve}, [this](const failure& f) { broken = f; }};

  std::string get(std::string_view key) {
    return env.read([&](read_txn& txn) { return std::string{txn.get(t, key).value_or("-")}; })
        .value();
  }
};

}  // namespace

TEST_CASE("what is committed is read, in key order, from either end") {
  store s;
  REQUIRE(s.loop.run([&](write_txn& txn) {
    txn.put(s.t, "b", "2");
    txn.put(s.t, "a", "1");
    txn.append(s.t, "c", "3");
  }));
  CHECK(s.get("b") == "2");
  CHECK(s.get("x") == "-");
  auto txn = s.env.begin_read();
  auto c = txn.scan(s.t);
  CHECK((c.first() && c.key() == "a" && c.next() && c.key() == "b"));
  CHECK((c.seek("bb") && c.key() == "c"));
  CHECK((c.seek_last("bb") && c.key() == "b"));
  CHECK((c.seek_last("zz") && c.key() == "c"));
  CHECK_FALSE(c.seek_last("A"));
}

TEST_CASE("a second daemon cannot open the same store") {
  store s;
  CHECK_THROWS_WITH(store_env({.folder = s.env.folder()}), Catch::Contains("in use"));
}

TEST_CASE("one operation that does not fit fails alone") {
  store s;
  // Holds the writer until all three wait, so that they share a group.
  std::promise<void> open;
  s.loop.submit([gate = open.get_future().share()](write_txn&) { gate.wait(); },
                [](result<void>) {});
  std::promise<result<void>> answers[3];
  const auto submit = [&](int i, commit_loop::operation op) {
    s.loop.submit(std::move(op), [&, i](result<void> r) { answers[i].set_value(std::move(r)); });
  };
  submit(0, [&](write_txn& txn) { txn.put(s.t, "one", "1"); });
  submit(1, [&](write_txn& txn) {
    txn.put(s.t, "two", "2");
    throw store_error(ENOSPC, "pretending");
  });
  submit(2, [&](write_txn& txn) { txn.put(s.t, "three", "3"); });
  open.set_value();
  CHECK(answers[0].get_future().get().has_value());
  CHECK(answers[1].get_future().get().error().kind == failure_kind::storage_full);
  CHECK(answers[2].get_future().get().has_value());
  CHECK(s.get("one") == "1");
  CHECK(s.get("two") == "-");
  CHECK(s.get("three") == "3");
  CHECK_FALSE(s.broken);
}

TEST_CASE("a failed sync breaks the loop for all who wait and all who come") {
  store s;
  bool fail = false;
  s.loop.add_presync([&]() -> result<void> {
    if (fail) return failure{.kind = failure_kind::storage_broken, .private_cause = "EIO"};
    return {};
  });
  REQUIRE(s.loop.run([&](write_txn& txn) { txn.put(s.t, "kept", "1"); }));
  fail = true;
  CHECK(s.loop.run([&](write_txn& txn) { txn.put(s.t, "lost", "1"); }).error().kind ==
        failure_kind::storage_broken);
  fail = false;
  CHECK(s.loop.run([&](write_txn& txn) { txn.put(s.t, "late", "1"); }).error().kind ==
        failure_kind::storage_broken);
  CHECK(s.broken.has_value());
  CHECK(s.get("kept") == "1");
  CHECK(s.get("lost") == "-");
  CHECK(s.get("late") == "-");
}

TEST_CASE("too little free disk is refused before anything is written") {
  tests::temp_folder folder;
  store_env env{{.folder = folder.path(), .map_size = 1u << 20}};
  const table t = env.open_table("t");
  commit_loop loop{env, {.reserve_bytes = ~0ULL}, [](const failure&) {}};
  CHECK(loop.run([&](write_txn& txn) { txn.put(t, "k", "v"); }).error().kind ==
        failure_kind::storage_full);
}

TEST_CASE("a full map is storage_full and later writes still work") {
  tests::temp_folder folder;
  store_env env{{.folder = folder.path(), .map_size = 256u << 10}};
  const table t = env.open_table("t");
  commit_loop loop{env, {.reserve_bytes = 0}, [](const failure&) {}};
  CHECK(
      loop.run([&](write_txn& txn) { txn.put(t, "k", std::string(1u << 20, 'x')); }).error().kind ==
      failure_kind::storage_full);
  CHECK(loop.run([&](write_txn& txn) { txn.put(t, "k", "v"); }).has_value());
}

TEST_CASE("stopping finishes what was submitted") {
  store s;
  int done = 0;
  for (int i = 0; i < 100; ++i)
    s.loop.submit([&, i](write_txn& txn) { txn.put(s.t, std::to_string(i), "v"); },
                  [&](result<void> r) { done += r.has_value(); });
  s.loop.stop();
  CHECK(done == 100);
  CHECK(s.loop.commits() < 100);
  CHECK(s.loop.run([](write_txn&) {}).error().kind == failure_kind::unavailable);
}
