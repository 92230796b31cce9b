#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "queue/crc32c.h"
#include "queue/mail_date.h"
#include "queue/queued_message.h"
#include "queue/retry_schedule.h"
#include "queue/route_table.h"

using namespace consentry;
using namespace consentry::queue;
using namespace std::chrono_literals;

TEST_CASE("records come back as they were written") {
  queued_message m;
  m.id.value = 41;
  m.tenant.value = 7;
  m.stream = smtp::stream::transactional;
  m.campaign = "c";
  m.topic = "t";
  m.credential = "cred";
  m.reverse_path = "a@b.example";
  m.ret = smtp::dsn_return::full;
  m.envid = "QQ314159";
  m.body = smtp::body_type::eight_bit;
  m.smtputf8 = true;
  m.sender_domain = "b.example";
  m.original_message_id = "<1@b>";
  m.accepted_at = from_ms(1'790'000'000'001);
  m.expires_at = from_ms(1'790'000'000'002);
  m.policy_version = "v3";
  m.standing_epoch = 9;
  m.body_at = {.segment = 3, .offset = 1ULL << 33, .length = 77, .crc = 0xdeadbeef};
  m.is_notice = true;
  m.about.value = 40;
  m.recipients_total = 3;
  m.recipients_open = 2;
  m.recipients_held = 1;
  m.finished_at = from_ms(5);
  m.tls = smtp::tls_wish::waived;
  CHECK(decode_message(m.id, encode(m)) == m);
  // As it was written before there was REQUIRETLS.
  auto older = encode(m);
  older.pop_back();
  older[0] = 1;
  m.tls = smtp::tls_wish::none;
  CHECK(decode_message(m.id, older) == m);

  queued_recipient r;
  r.id.value = 42;
  r.message = m.id;
  r.address = "jane@b.example";
  r.domain = "b.example";
  r.person = std::string("\0\1binary", 8);
  r.notify = {.success = true, .failure = true};
  r.delay_told = true;
  r.orcpt = "rfc822;jane@b.example";
  r.state = recipient_state::held;
  r.attempts = 300;
  r.next_attempt_at = from_ms(6);
  r.changed_at = from_ms(7);
  r.last_reply = "451 4.7.1 later";
  r.last_host = "mx.b.example";
  r.reason = "tenant.bulk_blocked";
  r.rule = "A5";
  CHECK(decode_recipient(r.id, encode(r)) == r);
}

TEST_CASE("damaged or newer records are refused, never guessed") {
  const auto good = encode(queued_recipient{.message = message_id{1}, .address = "a@b"});
  CHECK_THROWS_AS(decode_recipient(recipient_id{2}, good.substr(0, good.size() - 1)), decode_error);
  CHECK_THROWS_AS(decode_recipient(recipient_id{2}, ""), decode_error);
  auto newer = good;
  newer[0] = 99;
  CHECK_THROWS_AS(decode_recipient(recipient_id{2}, newer), decode_error);
  CHECK_THROWS_AS(decode_message(message_id{1}, newer), decode_error);
}

TEST_CASE("CRC-32C gives the known values") {  // RFC 3720 section B.4
  CHECK(crc32c("123456789") == 0xe3069283);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
  CHECK(crc32c("") == 0);
}

TEST_CASE("CRC-32C by the processor's instruction is the one by tables") {
  std::string bytes;
  for (int n = 0; n < 100; ++n) {
    CHECK(crc32c(bytes) == crc32c_by_tables(bytes));
    bytes += static_cast<char>(n * 37 + 11);
  }
}

TEST_CASE("dates are written as RFC 5322 wants them") {
  CHECK(mail_date(from_ms(1'790'000'000'000)) == "Mon, 21 Sep 2026 14:13:20 +0000");
  CHECK(mail_date(from_ms(0)) == "Thu, 01 Jan 1970 00:00:00 +0000");
}

TEST_CASE("waits double from five minutes to four hours") {
  const retry_settings s;
  struct row {
    unsigned failures;
    std::chrono::milliseconds wait;
  };
  for (const auto& [failures, wait] :
       {row{1, 5min}, row{2, 10min}, row{3, 20min}, row{4, 40min}, row{5, 80min}, row{6, 160min},
        row{7, 4h}, row{8, 4h}, row{1000, 4h}}) {
    INFO(failures);
    CHECK(retry_wait(s.bulk, failures, 0.0) == wait);
    CHECK(retry_wait(s.bulk, failures, 0.999999) > wait);
    CHECK(retry_wait(s.bulk, failures, 0.999999) <= wait + wait / 10);
  }
  CHECK(retry_wait(s.doi, 50, 0) == 1h);
}

TEST_CASE("mail expires by stream") {
  const retry_settings s;
  const auto t = from_ms(1000);
  CHECK(expiry_of(s, smtp::stream::bulk, t) == t + 72h);
  CHECK(expiry_of(s, smtp::stream::automation, t) == t + 72h);
  CHECK(expiry_of(s, smtp::stream::transactional, t) == t + 120h);
  CHECK(expiry_of(s, smtp::stream::doi, t) == t + 24h);
}

TEST_CASE("the most special route wins") {
  const route_table t{{{"*", "smart", 25},
                       {".example.hu", "sub", 26},
                       {".deep.example.hu", "deep", 27},
                       {"Mail.Example.HU", "exact", 28}}};
  const auto host = [&](std::string_view domain) { return t.find(domain)->host; };
  CHECK(host("mail.example.hu") == "exact");
  CHECK(host("x.example.hu") == "sub");
  CHECK(host("x.deep.example.hu") == "deep");
  CHECK(host("example.hu") == "smart");
  CHECK(host("notexample.hu") == "smart");
  CHECK(route_table{}.find("example.hu") == nullptr);
}

TEST_CASE("the recipient's address is taken out of what a server says") {
  queued_recipient r;
  r.address = "Jane@Example.hu";
  r.domain = "example.hu";
  CHECK(without_address("550 5.1.1 <jane@example.hu>: no such user jane@EXAMPLE.hu", r) ==
        "550 5.1.1 <(recipient)>: no such user (recipient)");
  CHECK(without_address("451 greylisted, ask postmaster@example.hu", r) ==
        "451 greylisted, ask postmaster@example.hu");
  r.address = "anna@m\xc5\xb1hely.hu";
  r.domain = "xn--mhely-cwb.hu";
  CHECK(without_address("550 <anna@xn--mhely-cwb.hu> unknown", r) == "550 <(recipient)> unknown");
  r.address.clear();
  CHECK(without_address("550 no", r) == "550 no");
}
