#include <catch2/catch.hpp>

#include "tests/unit/app/gateway_world.h"

using namespace consentry::tests;

TEST_CASE("the gateway's dialogs go as written") {
  const auto folder = std::filesystem::path{CONSENTRY_SOURCE_DIR} / "tests" / "dialogs" / "gateway";
  const world_factory real = [](boost::asio::io_context& io) {
    return std::make_unique<gateway_world>(io);
  };
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    if (entry.path().extension() != ".smtp") continue;
    ++count;
    const auto result = run_dialog(entry.path(), real);
    INFO(result.transcript);
    INFO(result.failure);
    CHECK(result.passed);
  }
  CHECK(count >= 20);
}

TEST_CASE("the world of the dialogs notices what is not as written") {
  boost::asio::io_context io;
  gateway_world world{io};
  REQUIRE(world.directive("tenant", "shop").empty());
  CHECK(world.directive("expect", "queued 0").empty());
  CHECK(world.directive("expect", "queued 1") == "queued 0");
  CHECK_FALSE(world.directive("expect", "journal refused").empty());
  CHECK(world.directive("expect", "no journal refused").empty());
  CHECK_FALSE(world.directive("expect", "no journal tenant_added").empty());
  CHECK_FALSE(world.directive("expect", "notice a@b.test").empty());
  CHECK_FALSE(world.directive("consent", "nobody a@b.test news 2025-01-01").empty());
  CHECK_FALSE(world.directive("nonsense", "").empty());
}
