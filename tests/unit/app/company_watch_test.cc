#include "app/company_watch.h"

#include <catch2/catch.hpp>

#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::tests;

TEST_CASE("one's own commits and the housekeeping are no company, a stream of others' is") {
  app_world w;
  app::company_watch watch{w.rooms.commits};
  const auto commit = [&](int count) {
    for (int i = 0; i < count; ++i) w.change([](write_txn&) {});
  };
  // What was committed before the watch began is of the past once it has looked.
  watch.has_company();
  for (int i = 0; i < 20; ++i) {
    watch.note_own();
    commit(1);
    watch.has_company();
  }
  commit(1);
  app::company_watch fresh{w.rooms.commits};
  CHECK_FALSE(fresh.has_company());
  fresh.note_own();
  commit(1);
  CHECK_FALSE(fresh.has_company());
  commit(2);
  CHECK_FALSE(fresh.has_company());
  commit(5);
  CHECK(fresh.has_company());
}
