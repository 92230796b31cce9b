#include "smtp/server/auth_guard.h"

#include <catch2/catch.hpp>

using namespace consentry::smtp::server;
using namespace std::chrono_literals;

TEST_CASE("a peer is an IPv4 address or an IPv6 /64") {
  CHECK(peer_key("192.0.2.1") == "192.0.2.1");
  CHECK(peer_key("::ffff:192.0.2.1") == "192.0.2.1");
  CHECK(peer_key("2001:db8:1:2::1") == peer_key("2001:db8:1:2:ffff::9"));
  CHECK(peer_key("2001:db8:1:2::1") != peer_key("2001:db8:1:3::1"));
}

TEST_CASE("failures lock out for longer and longer, and are forgiven") {
  auth_guard guard{{.free_failures = 2,
                    .first_lock = 10s,
                    .longest_lock = 30s,
                    .forgive_after = 1h,
                    .answer_delay = 500ms}};
  auto now = auth_guard::clock::now();
  CHECK(guard.failed("192.0.2.1", now) == 500ms);
  CHECK(guard.locked_for("192.0.2.1", now) == 0ms);
  CHECK(guard.failed("192.0.2.1", now) == 1s);
  CHECK(guard.locked_for("192.0.2.1", now) == 10s);
  CHECK(guard.locked_for("192.0.2.1", now + 9999ms) == 1ms);
  CHECK(guard.locked_for("192.0.2.1", now + 10s) == 0ms);
  CHECK(guard.locked_for("192.0.2.2", now) == 0ms);

  guard.failed("192.0.2.1", now);
  CHECK(guard.locked_for("192.0.2.1", now) == 20s);
  guard.failed("192.0.2.1", now);
  CHECK(guard.locked_for("192.0.2.1", now) == 30s);  // the longest
  for (int i = 0; i < 100; ++i) CHECK(guard.failed("192.0.2.1", now) <= 4s);

  now += 1h;
  CHECK(guard.locked_for("192.0.2.1", now) == 0ms);
  guard.failed("192.0.2.1", now);
  CHECK(guard.locked_for("192.0.2.1", now) == 0ms);
}

TEST_CASE("the table of failing peers is bounded and forgets the oldest") {
  auth_guard guard{{.free_failures = 1, .first_lock = 10s, .peers_max = 2}};
  const auto now = auth_guard::clock::now();
  guard.failed("192.0.2.1", now);
  guard.failed("192.0.2.2", now);
  guard.failed("192.0.2.1", now);  // now the younger one
  guard.failed("192.0.2.3", now);
  CHECK(guard.peers() == 2);
  CHECK(guard.locked_for("192.0.2.1", now) > 0ms);
  CHECK(guard.locked_for("192.0.2.2", now) == 0ms);
  CHECK(guard.locked_for("192.0.2.3", now) > 0ms);
}
