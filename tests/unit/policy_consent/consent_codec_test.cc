#include "policy/consent/consent_codec.h"

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "policy/consent/timestamp_form.h"
#include "tests/unit/policy_consent/consent_world.h"
#include "tests/unit/policy_consent/random_records.h"

using namespace consentry;
using namespace consentry::policy::consent;
using namespace consentry::policy::consent::tests;

namespace {

// As the first version of the store wrote it.
std::string encode_v1(const consent_record& c) {
  byte_writer w;
  const auto time = [&](const std::optional<instant>& t) {
    w.flag(t.has_value());
    if (t) w.zigzag(to_ms(*t));
  };
  const auto day = [&](const std::optional<civil_date>& d) {
    w.flag(d.has_value());
    if (d) w.zigzag(std::chrono::sys_days{*d}.time_since_epoch().count());
  };
  const auto mark = [&](const std::optional<delivery_mark>& d) {
    w.flag(d.has_value());
    if (d) w.zigzag(to_ms(d->at)).varint(d->recipient.value);
  };
  w.u8(1).text(c.sender).text(c.topic);
  time(c.given_at);
  w.text(c.given_at_text);
  time(c.confirmed_at);
  w.text(c.method).text(c.provenance);
  w.text(c.notice.version).text(c.notice.hash).text(c.notice.language).text(c.notice.url);
  w.text(c.evidence_reference).text(c.form_id).u8(static_cast<std::uint8_t>(c.tick));
  w.text(c.ip).text(c.user_agent);
  day(c.purchase_day);
  w.text(c.importer).zigzag(to_ms(c.recorded_at)).text(c.salt);
  time(c.withdrawn_at);
  w.text(c.withdrawn_method);
  time(c.unticked_at);
  time(c.objected_at);
  mark(c.first_delivery);
  mark(c.last_delivery);
  day(c.declared_delivery_day);
  return w.take();
}

consent_record plain() {
  auto r = given("2024-03-15T10:00:00+01:00");
  r.given_at_text = "2024-03-15T10:00:00+01:00";
  r.notice.hash = "sha256:" + std::string(64, 'a');
  r.importer = "anna";
  r.recorded_at = at("2024-04-01T12:00:00.123Z");
  r.import_entry = journal_seq{70'000};
  return r;
}

}  // namespace

TEST_CASE("any record comes back from its bytes as it was") {
  random_records random{20240315};
  for (int i = 0; i < 5000; ++i) {
    const auto r = random.record();
    const auto bytes = encode(r);
    CHECK(decode_consent(bytes) == r);
    CHECK(encode(decode_consent(bytes)) == bytes);
  }
}

TEST_CASE("bytes that are no record are refused, wherever they end") {
  random_records random{7};
  for (int i = 0; i < 20; ++i) {
    const auto bytes = encode(random.record());
    for (std::size_t n = 0; n < bytes.size(); ++n)
      CHECK_THROWS_AS(decode_consent(std::string_view{bytes}.substr(0, n)), decode_error);
    CHECK_THROWS_AS(decode_consent(bytes + "x"), decode_error);
  }
  CHECK_THROWS_AS(decode_consent("\x03"), decode_error);
  CHECK_THROWS_AS(decode_consent("\x02\xff\xff\xff\xff\x0f"), decode_error);
}

TEST_CASE("what the first version wrote is still read") {
  random_records random{11};
  for (int i = 0; i < 2000; ++i) {
    auto r = random.record();
    r.box_came_ticked.reset();
    r.doi_sent_at.reset();
    r.purchase_id.clear();
    r.birth_day.reset();
    r.expires_on.reset();
    r.confirmed_ip.clear();
    r.confirmed_user_agent.clear();
    r.import_entry = {};
    const auto old = encode_v1(r);
    CHECK(decode_consent(old) == r);
    if (i < 20)
      for (std::size_t n = 0; n < old.size(); ++n)
        CHECK_THROWS_AS(decode_consent(std::string_view{old}.substr(0, n)), decode_error);
  }
}

TEST_CASE("a store that the first version made is read and written on") {
  world w;
  const auto key = key_of("jane");
  auto r = given("2024-03-15T10:00:00");
  r.notice = {"v3", "5f16", "hu", "https://shop.hu/n"};
  const auto consents = w.env.open_table("consents"), persons = w.env.open_table("persons");
  w.write([&](write_txn& txn) {
    txn.put(consents, stored_key(key), encode_v1(r));
    txn.put(persons, stored_key(key).substr(0, 20),
            byte_writer{}.u8(1).text("jane@x.hu").text("").bytes());
  });
  CHECK(w.find(key) == r);
  CHECK(w.ledger.find_person(w.env.begin_read(), key.tenant, key.person)->address == "jane@x.hu");
  CHECK(w.put(key, given("2024-01-01")) == put_outcome::kept);
  CHECK(w.find(key) == r);
  CHECK(w.withdraw(key, "2024-06-01"));
  CHECK(w.state(key) == "withdrawn");
  CHECK(w.put(key, given("2024-07-01")) == put_outcome::renewed);
  CHECK(w.find(key)->given_at == at("2024-07-01"));
  CHECK(w.find(key)->withdrawn_at == at("2024-06-01"));
}

TEST_CASE("a plain imported record takes 38 bytes beside its terms") {
  const auto r = plain();
  CHECK(encode(r, id_of_terms(encode(terms_of(r)))).size() == 38);
}

TEST_CASE("a reference to a blob takes its digest's bytes, other references their own") {
  auto r = plain();
  const auto without = encode(r, 1).size();
  r.evidence_reference = "sha256:" + std::string(64, 'a');
  CHECK(encode(r, 1).size() == without + 32 + 1);  // and a longer row of flags
  for (std::string reference : {"sha256:" + std::string(64, 'A'), "sha256:" + std::string(63, 'a'),
                                "sha256:" + std::string(64, 'g'), std::string{"box 7"}}) {
    CHECK(blob_digest_of(reference).empty());
    r.evidence_reference = reference;
    CHECK(decode_consent(encode(r)).evidence_reference == reference);
  }
}

TEST_CASE("D1: the text of a time, with its offset, follows from the time") {
  struct row {
    std::string text;
    std::size_t bytes;  // 0: it must be kept
  };
  const row rows[] = {
      {"2024-03-15T10:00:00+01:00", 1},
      {"2024-07-15T10:00:00+02:00", 1},
      {"2024-07-15T10:00:00Z", 1},
      {"2024-07-15T10:00:00.250Z", 1},
      {"2024-07-15", 1},
      {"2024-07-15 10:00", 1},
      {"2024-07-15 10:00:00", 1},
      {"2024-07-15T10:00:00-0500", 2},
      {"2024-07-15T10:00:00+05:45", 2},
      {"2024-10-27T02:30:00", 1},
      {"2024-02-29T23:59:59+14:00", 2},
      {"2024-07-15T10:00:00+05:50", 0},
      {"2024-07-15t10:00:00Z", 0},
      {"2024-07-15T10:00:00.2Z", 0},
      {"2024-07-15T23:59:60Z", 0},
      {"2024-03-31T02:30:00", 1},
  };
  for (const auto& [text, bytes] : rows) {
    INFO(text);
    const auto t = at(text);
    const auto form = form_of(text, t);
    REQUIRE(form.has_value() == (bytes != 0));
    if (!form) continue;
    CHECK(pack(*form).size() == bytes);
    timestamp_form back;
    CHECK(unpack(pack(*form), back) == bytes);
    CHECK(back == *form);
    CHECK(text_of(back, t) == text);
    // Of another instant it is not the text.
    CHECK_FALSE(form_of(text, t + std::chrono::minutes{1}));
  }
}
