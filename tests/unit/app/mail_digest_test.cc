// What the desk knows of a mail after it has gone.
#include <catch2/catch.hpp>

#include "app/mail_digest.h"
#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
using tests::app_world;

namespace {

mail_digest sample(message_id message, instant at, const std::string& person) {
  const auto mail = smtp::mime::walk(
      "From: Acme <news@sender.test>\r\nSubject: =?utf-8?q?Kerti_h=C3=ADrek?=\r\n"
      "List-Id: <news.sender.test>\r\nContent-Type: text/plain\r\n\r\nhello\r\n");
  auto d = digest_of(mail, {"News.sender.test", "news.sender.test", "shop.example"});
  d.message = message;
  d.at = at;
  d.stream = smtp::stream::bulk;
  d.campaign = "spring";
  d.message_id_field = "<1@sender.test>";
  d.persons = {person};
  d.recipients = 1;
  return d;
}

}  // namespace

TEST_CASE("a digest is found by each of its words", "[digest]") {
  app_world w;
  const tenant_id acme = w.add_tenant("acme"), other = w.add_tenant("other");
  const auto anna = w.person_of(acme, "anna@example.hu"),
             bela = w.person_of(acme, "bela@example.hu");
  const auto now = w.clock.now();
  w.change([&](write_txn& txn) {
    w.rooms.digests.put(txn, acme, sample({10}, now - std::chrono::hours{48}, anna));
    w.rooms.digests.put(txn, acme, sample({20}, now, bela));
    w.rooms.digests.put(txn, other, sample({30}, now, bela));
  });
  const auto found = [&](const digest_query& q, message_id before = {}, std::size_t limit = 10,
                         std::size_t rows = 100) {
    return w.read([&](const read_txn& txn) {
      std::vector<std::uint64_t> out;
      const auto page = w.rooms.digests.search(txn, acme, q, before, limit, rows);
      for (const auto& d : page.found) out.push_back(d.message.value);
      if (page.next) out.push_back(1000 + page.next.value);
      return out;
    });
  };
  using numbers = std::vector<std::uint64_t>;
  CHECK(found({.subject = "hírek"}) == numbers{20, 10});
  CHECK(found({.subject = "kerti"}) == numbers{20, 10});
  CHECK(found({.subject = "tavasz"}).empty());
  CHECK(found({.link_domain = "sender.test"}) == numbers{20, 10});
  CHECK(found({.link_domain = "ender.test"}).empty());
  CHECK(found({.person = anna}) == numbers{10});
  CHECK(found({.campaign = "spring", .person = bela}) == numbers{20});
  CHECK(found({.campaign = "autumn"}).empty());
  CHECK(found({.message_id_field = "1@SENDER"}) == numbers{20, 10});
  CHECK(found({.from = now - std::chrono::hours{1}}) == numbers{20});
  CHECK(found({.until = now}) == numbers{10});
  CHECK(found({}, {}, 1) == numbers{20, 1011});
  CHECK(found({}, {11}) == numbers{10});
  CHECK(found({.person = anna}, {}, 10, 1) == numbers{1011});
  const auto d =
      w.read([&](const read_txn& txn) { return *w.rooms.digests.find(txn, acme, {10}); });
  CHECK(d.subject == "Kerti hírek");
  CHECK(d.link_domains == std::vector<std::string>{"news.sender.test", "shop.example"});
  CHECK(d.fields == std::vector<std::string>{"From", "Subject", "List-Id", "Content-Type"});
}

TEST_CASE("digests age out, tenant by tenant, and go with their person", "[digest]") {
  app_world w;
  const tenant_id acme = w.add_tenant("acme"), other = w.add_tenant("other");
  const auto anna = w.person_of(acme, "anna@example.hu");
  const auto now = w.clock.now();
  w.change([&](write_txn& txn) {
    for (std::uint64_t n = 1; n <= 6; ++n)
      w.rooms.digests.put(
          txn, n % 2 != 0 ? acme : other,
          sample({n}, now - std::chrono::hours{24} * (7 - static_cast<int>(n)), anna));
  });
  message_id resume;
  const auto theirs = w.read(
      [&](const read_txn& txn) { return w.rooms.digests.of_person(txn, acme, anna, resume, 2); });
  CHECK(theirs == std::vector<message_id>{{1}, {3}});
  CHECK(resume == message_id{5});
  const auto trim = [&](std::size_t rows) {
    bool more = false;
    w.change([&](write_txn& txn) {
      more = w.rooms.digests.trim(txn, now - std::chrono::hours{24 * 3 + 1}, rows);
    });
    return more;
  };
  CHECK(trim(1));
  CHECK_FALSE(trim(10));
  const auto left = w.read([&](const read_txn& txn) {
    std::size_t n = 0;
    for (const auto t : {acme, other})
      n += w.rooms.digests.search(txn, t, {}, {}, 100, 100).found.size();
    return n;
  });
  CHECK(left == 3);  // of 3, 2 and 1 days
}

// Printed, never judged: test_app "[.cost]". What each mail pays beside its journal entries, which
// cost some hundred microseconds of CPU with all the rest (docs/decisions/delivery-speed.md).
TEST_CASE("what a digest costs", "[.cost]") {
  app_world w;
  const tenant_id acme = w.add_tenant("acme");
  const auto person = w.person_of(acme, "anna@example.hu");
  constexpr int commits = 200, each = 50;
  const auto cpu_us = [] {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
  };
  const auto mail = smtp::mime::walk(
      "From: Acme <news@sender.test>\r\nTo: anna@example.hu\r\nSubject: The roses are in flower\r\n"
      "Date: Fri, 14 Mar 2025 12:00:00 +0100\r\nMessage-ID: <1@sender.test>\r\n"
      "List-Id: <news.sender.test>\r\nMIME-Version: 1.0\r\nContent-Type: "
      "text/plain\r\n\r\nhello\r\n");
  const std::vector<std::string> hosts{"news.sender.test", "shop.sender.test", "cdn.example"};
  const auto run = [&](bool puts) {
    const auto begun = cpu_us();
    for (int c = 0; c < commits; ++c)
      w.change([&](write_txn& txn) {
        for (int i = 0; i < each; ++i) {
          if (!puts) continue;
          auto d = digest_of(mail, hosts);
          d.message = {static_cast<std::uint64_t>(c * each + i + 1)};
          d.at = w.clock.now();
          d.persons = {person};
          w.rooms.digests.put(txn, acme, d);
        }
      });
    return cpu_us() - begun;
  };
  const auto without = run(false), with = run(true);
  WARN("a digest takes " << (with - without) / (commits * each) << " us of CPU, in commits of "
                         << each);
}
