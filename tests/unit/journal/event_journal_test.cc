#include "journal/event_journal.h"

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "base/commit_loop.h"
#include "base/text.h"
#include "journal/event_codec.h"
#include "journal/hash_chain.h"
#include "journal/id_sequence.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::journal;

namespace {

struct store {
  tests::temp_folder folder;
  store_env env{{.folder = folder.path() / "store", .map_size = 64u << 20}};
  event_journal journal{env};
  table entries = env.open_table("journal");

  std::vector<journal_seq> append(const std::vector<event>& events) {
    std::vector<journal_seq> seqs;
    auto txn = env.begin_write();
    for (const auto& e : events) seqs.push_back(journal.append(txn, e));
    txn.commit();
    return seqs;
  }
  verify_report verify(std::uint64_t from = 0, std::uint64_t to = 0) {
    return journal.verify(env.begin_read(), {from}, {to});
  }
  // What somebody with a hex editor would do.
  template <class F>
  void tamper(F f) {
    auto txn = env.begin_write();
    f(txn);
    txn.commit();
  }
  std::string value(std::uint64_t seq) {
    auto txn = env.begin_read();
    return std::string{txn.get(entries, byte_writer{}.be64(seq).bytes()).value()};
  }
};

event about(std::uint32_t tenant, std::uint64_t message, event_kind kind = event_kind::accepted) {
  return {.kind = kind, .at = from_ms(1000), .tenant = {tenant}, .message = {message}};
}

std::vector<std::uint64_t> seqs_of(const std::vector<entry>& entries) {
  std::vector<std::uint64_t> out;
  for (const auto& e : entries) out.push_back(e.seq.value);
  return out;
}
using seqs = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("entries are numbered from 1 across transactions and read back") {
  store s;
  CHECK_FALSE(s.journal.last(s.env.begin_read()));
  CHECK(s.append({about(1, 10), about(1, 20)}) == std::vector<journal_seq>{{1}, {2}});
  CHECK(s.append({about(2, 30)}) == std::vector<journal_seq>{{3}});
  const auto txn = s.env.begin_read();
  CHECK(s.journal.read(txn, {2})->what == about(1, 20));
  CHECK_FALSE(s.journal.read(txn, {4}));
  CHECK(s.journal.last(txn) == journal_seq{3});
}

TEST_CASE("a dropped transaction leaves neither entry nor gap") {
  store s;
  s.append({about(1, 10)});
  {
    auto txn = s.env.begin_write();
    s.journal.append(txn, about(1, 11));
    s.journal.append(txn, about(1, 12));
  }
  CHECK(s.append({about(1, 13)}) == std::vector<journal_seq>{{2}});
  CHECK(s.verify().is_whole());
}

TEST_CASE("one failing operation of a group does not break the chain of the others") {
  store s;
  commit_loop loop{s.env, {.reserve_bytes = 0}, [](const failure&) {}};
  int answered = 0;
  for (int i = 0; i < 20; ++i)
    loop.submit(
        [&s, i](write_txn& txn) {
          s.journal.append(txn, about(1, 100 + i));
          if (i == 7) throw store_error(ENOSPC, "pretending");
        },
        [&](result<void>) { ++answered; });
  loop.stop();
  CHECK(answered == 20);
  const auto report = s.verify();
  CHECK(report.is_whole());
  CHECK(report.checked == 19);
}

TEST_CASE("the chain is SHA-256 over previous hash, number and encoding") {
  store s;
  s.append({about(1, 10), about(1, 20)});
  const auto txn = s.env.begin_read();
  digest256 expected{};
  for (std::uint64_t seq : {1, 2}) {
    const auto bytes = byte_writer{}
                           .raw(as_bytes(expected))
                           .be64(seq)
                           .raw(encode(s.journal.read(txn, {seq})->what))
                           .take();
    expected = sha256(bytes);
    CHECK(s.journal.read(txn, {seq})->hash == expected);
  }
  CHECK(s.verify().head == expected);
}

TEST_CASE("verify names the first broken entry") {
  store s;
  std::vector<event> events;
  for (std::uint64_t i = 1; i <= 9; ++i) events.push_back(about(1, i));
  s.append(events);
  REQUIRE(s.verify().is_whole());
  REQUIRE(s.verify().checked == 9);
  const auto key = [](std::uint64_t seq) { return byte_writer{}.be64(seq).take(); };
  std::uint64_t first_broken = 5;

  SECTION("a changed byte") {
    auto v = s.value(5);
    v.back() ^= 1;
    s.tamper([&](write_txn& t) { t.put(s.entries, key(5), v); });
  }
  SECTION("a changed event with a fitting hash of its own") {
    const auto before = s.value(4);
    digest256 previous;
    std::copy_n(before.begin(), 32, previous.begin());
    const auto forged = encode(about(1, 555));
    const auto hash = chain_hash(previous, {5}, forged);
    s.tamper([&](write_txn& t) { t.put(s.entries, key(5), std::string{as_bytes(hash)} + forged); });
    first_broken = 6;
  }
  SECTION("a removed entry") {
    s.tamper([&](write_txn& t) { t.erase(s.entries, key(5)); });
  }
  SECTION("two entries exchanged") {
    const auto a = s.value(5), b = s.value(6);
    s.tamper([&](write_txn& t) {
      t.put(s.entries, key(5), b);
      t.put(s.entries, key(6), a);
    });
  }
  SECTION("a value too short to hold a hash") {
    s.tamper([&](write_txn& t) { t.put(s.entries, key(5), "short"); });
  }
  const auto report = s.verify();
  CHECK(report.broken == journal_seq{first_broken});
  CHECK(report.checked == first_broken - 1);
  CHECK_FALSE(report.what.empty());
  // A range before it is sound; one that begins right behind it is judged from its stored hash.
  CHECK(s.verify(1, first_broken - 1).is_whole());
  CHECK(s.verify(first_broken).broken == journal_seq{first_broken});
}

TEST_CASE("a range beyond the end, or of an empty journal, is whole and empty") {
  store s;
  CHECK(s.verify().is_whole());
  s.append({about(1, 10)});
  CHECK(s.verify(5).checked == 0);
  CHECK(s.verify(5).is_whole());
}

TEST_CASE("scan pages through, filtered") {
  store s;
  std::vector<event> events;
  for (std::uint64_t i = 1; i <= 10; ++i)
    events.push_back(about(i % 2 ? 1 : 2, i, i % 3 ? event_kind::accepted : event_kind::refused));
  s.append(events);
  const auto txn = s.env.begin_read();
  const auto first = s.journal.scan(txn, {}, 4);
  CHECK(seqs_of(first.entries) == seqs{1, 2, 3, 4});
  CHECK(first.next == journal_seq{5});
  const auto rest = s.journal.scan(txn, first.next, 100);
  CHECK(seqs_of(rest.entries) == seqs{5, 6, 7, 8, 9, 10});
  CHECK_FALSE(rest.next);
  CHECK(seqs_of(s.journal.scan(txn, {}, 100, {.tenant = {2}}).entries) == seqs{2, 4, 6, 8, 10});
  CHECK(seqs_of(s.journal.scan(txn, {}, 100, {.tenant = {1}, .kinds = {event_kind::refused}})
                    .entries) == seqs{3, 9});
}

TEST_CASE("tail shows the newest, oldest first") {
  store s;
  CHECK(s.journal.tail(s.env.begin_read(), 5).empty());
  s.append({about(1, 1), about(2, 2), about(1, 3)});
  CHECK(seqs_of(s.journal.tail(s.env.begin_read(), 2)) == seqs{2, 3});
  CHECK(seqs_of(s.journal.tail(s.env.begin_read(), 2, {.tenant = {1}})) == seqs{1, 3});
}

TEST_CASE("all that was said about a message is found, and no other's") {
  store s;
  s.append({about(1, 10),
            about(1, 20),
            about(1, 10, event_kind::delivered),
            {.kind = event_kind::policy_activated},
            about(1, 20, event_kind::bounced)});
  const auto txn = s.env.begin_read();
  CHECK(seqs_of(s.journal.of_message(txn, {10}, 100)) == seqs{1, 3});
  CHECK(seqs_of(s.journal.of_message(txn, {20}, 1)) == seqs{2});
  CHECK(s.journal.of_message(txn, {15}, 100).empty());
  CHECK(s.journal.message_of(txn, {12}) == message_id{10});
  CHECK(s.journal.message_of(txn, {20}) == message_id{20});
  CHECK(s.journal.message_of(txn, {9999}) == message_id{20});
  CHECK_FALSE(s.journal.message_of(txn, {9}));
}

TEST_CASE("numbers are handed out once, ascending, over restarts and dropped transactions") {
  tests::temp_folder folder;
  const auto take = [&](std::uint64_t count, bool commit) {
    store_env env{{.folder = folder.path() / "store", .map_size = 1u << 20}};
    id_sequence ids{env};
    auto txn = env.begin_write();
    const auto first = ids.take(txn, count);
    if (commit) txn.commit();
    return first;
  };
  CHECK(take(3, true) == 1);
  CHECK(take(10, false) == 4);
  CHECK(take(1, true) == 4);
  CHECK(take(1, true) == 5);
}

TEST_CASE("a person's own history is found without looking at others'") {
  store s;
  const auto of = [](event_kind kind, char who, std::uint32_t tenant = 1) {
    auto e = about(tenant, 0, kind);
    e.person = std::string(16, who);
    return e;
  };
  s.append({of(event_kind::consent_given, 'a'), of(event_kind::delivered, 'a'),
            of(event_kind::consent_given, 'b'), of(event_kind::complained, 'a'),
            of(event_kind::consent_withdrawn, 'a', 2), of(event_kind::consent_imported, 'a'),
            of(event_kind::consent_erased, 'a')});
  const auto history = [&](char who, std::uint32_t tenant, std::size_t limit = 100) {
    return seqs_of(
        s.journal.of_person(s.env.begin_read(), tenant_id{tenant}, std::string(16, who), limit));
  };
  CHECK(history('a', 1) == seqs{1, 4, 7});
  CHECK(history('a', 2) == seqs{5});
  CHECK(history('b', 1) == seqs{3});
  CHECK(history('c', 1).empty());
  CHECK(history('a', 1, 2) == seqs{4, 7});
  s.tamper(
      [&](write_txn& txn) { s.journal.link_person(txn, tenant_id{1}, std::string(16, 'b'), {6}); });
  CHECK(history('b', 1) == seqs{3, 6});
}

TEST_CASE("a journal from before the index of persons is indexed at start, a broken entry or not") {
  store s;
  auto e = about(1, 0, event_kind::consent_given);
  e.person = std::string(16, 'a');
  s.append({e, e, about(1, 7), e});
  const auto index = s.env.open_table("journal_by_person");
  s.tamper([&](write_txn& txn) {
    std::vector<std::string> keys;
    {
      auto c = txn.scan(index);
      while (c.next()) keys.emplace_back(c.key());
    }
    CHECK(keys.size() == 4);  // three entries, and the mark
    for (const auto& key : keys) txn.erase(index, key);
    txn.put(s.entries, byte_writer{}.be64(2).bytes(), "broken");
  });
  const event_journal again{s.env};
  const auto found = again.of_person(s.env.begin_read(), tenant_id{1}, std::string(16, 'a'), 100);
  CHECK(seqs_of(found) == seqs{1, 4});
}

TEST_CASE("a head tells kind and tenant without the rest") {
  auto e = about(70'000, 7, event_kind::delivered);
  e.person = std::string(16, 'a');
  e.facts = {{"reply", "250 taken"}};
  const auto head = peek_event(encode(e));
  CHECK(head.kind == event_kind::delivered);
  CHECK(head.tenant == tenant_id{70'000});
  CHECK(peek_event(encode(about(0, 7))).tenant == tenant_id{});
  CHECK_THROWS_AS(peek_event(""), decode_error);
  CHECK_THROWS_AS(peek_event("\x02\x01"), decode_error);
  CHECK_THROWS_AS(peek_event(std::string_view{encode(e)}.substr(0, 4)), decode_error);
}

TEST_CASE("which tenants something happened to, of so many entries and no more") {
  store s;
  s.append({about(1, 1), about(2, 2, event_kind::delivered), about(1, 3, event_kind::delivered),
            about(3, 4, event_kind::tenant_changed), about(2, 5, event_kind::delivered)});
  const auto txn = s.env.begin_read();
  const std::vector<event_kind> kinds{event_kind::delivered};
  using tenants = std::vector<tenant_id>;
  auto seen = s.journal.tenants_in(txn, {1}, 100, kinds);
  CHECK(seen.tenants == tenants{{1}, {2}});
  CHECK(seen.through == journal_seq{5});
  seen = s.journal.tenants_in(txn, {1}, 2, kinds);
  CHECK(seen.tenants == tenants{{2}});
  CHECK(seen.through == journal_seq{2});
  seen = s.journal.tenants_in(txn, {6}, 100, kinds);
  CHECK(seen.tenants.empty());
  CHECK(seen.through == journal_seq{5});
}
