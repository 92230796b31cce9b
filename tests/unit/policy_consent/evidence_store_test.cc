#include "policy/consent/evidence_store.h"

#include <catch2/catch.hpp>

#include "base/text.h"
#include "policy/consent/slice_writer.h"
#include "tests/unit/policy_consent/consent_world.h"

using namespace consentry;
using namespace consentry::policy::consent;
using namespace consentry::policy::consent::tests;

namespace {

struct proof_world : world {
  evidence_store evidence{env,
                          {.blob_bytes_max = 1000,
                           .tenant_bytes_max = 2500,
                           .notice_bytes_max = 1000,
                           .tenant_notices_max = 3}};

  result<evidence_store::put_blob> put_blob(std::string_view bytes, std::uint32_t tenant = 1,
                                            std::string_view when = "2026-01-01") {
    return write([&](write_txn& txn) {
      return evidence.put_evidence(txn, tenant_id{tenant}, bytes, "text/plain",
                                   {at(when), "desk:anna"});
    });
  }
  std::string text_of(const std::string& reference, std::uint32_t tenant = 1) {
    const auto txn = env.begin_read();
    const auto bytes = evidence.bytes_of(txn, tenant_id{tenant}, blob_digest_of(reference));
    CHECK(bytes.has_value() ==
          evidence.find_evidence(txn, tenant_id{tenant}, blob_digest_of(reference)).has_value());
    return bytes ? std::string{*bytes} : "";
  }
  std::size_t users(const std::string& reference) {
    return evidence.persons_of(env.begin_read(), tenant_id{1}, blob_digest_of(reference), 100)
        .size();
  }
  void sweep(std::string_view when, std::size_t step = 1) {
    std::string after;
    do {
      write([&](write_txn& txn) { after = evidence.sweep(txn, after, step, at(when)); });
    } while (!after.empty());
  }
  consent_record proven(std::string_view when, const std::string& reference) {
    auto r = given(when);
    r.evidence_reference = reference;
    return r;
  }
  result<notice_text> put_notice(std::string_view text, std::string hash = "",
                                 std::uint32_t tenant = 1) {
    return write([&](write_txn& txn) {
      return evidence.put_notice(txn, tenant_id{tenant}, {"v3", hash, "hu", "https://x.hu/n"}, text,
                                 {at("2026-01-01"), "desk:anna"});
    });
  }
};

// SHA-256 of "abc", FIPS 180-2.
const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

}  // namespace

TEST_CASE("D1: a blob is stored once for a tenant, named by its hash") {
  proof_world w;
  const auto first = w.put_blob("abc");
  REQUIRE(first.has_value());
  CHECK(first->reference == "sha256:" + abc);
  CHECK(first->is_news);
  CHECK_FALSE(w.put_blob("abc")->is_news);
  CHECK(w.text_of(first->reference) == "abc");
  CHECK(w.text_of(first->reference, 2).empty());  // never another tenant's
  const auto about =
      w.evidence.find_evidence(w.env.begin_read(), tenant_id{1}, blob_digest_of(first->reference));
  REQUIRE(about);
  CHECK(about->bytes == 3);
  CHECK(about->type == "text/plain");
  CHECK(about->stored_by == "desk:anna");
}

TEST_CASE("evidence is bounded, each and in all") {
  proof_world w;
  CHECK(w.put_blob("").error().kind == failure_kind::invalid);
  CHECK(w.put_blob(std::string(1001, 'x')).error().kind == failure_kind::invalid);
  CHECK(w.put_blob(std::string(1000, 'a')).has_value());
  CHECK(w.put_blob(std::string(1000, 'b')).has_value());
  CHECK(w.put_blob(std::string(1000, 'c')).error().kind == failure_kind::limit);
  CHECK(w.put_blob(std::string(1000, 'a')).has_value());  // no news takes no room
  CHECK(w.put_blob(std::string(1000, 'c'), 2).has_value());
}

TEST_CASE("D4: a blob goes when the last consent that points to it goes") {
  proof_world w;
  const auto ref = w.put_blob("scan")->reference;
  w.put(key_of("jane"), w.proven("2024-03-15", ref));
  w.write([&](write_txn& txn) {
    slice_facts about{.tenant = tenant_id{1}, .rows = 1, .by = {at("2026-01-01"), "import:anna"}};
    write_slice(txn, w.ledger, about, [&](slice_writer& s) {
      auto r = w.proven("2024-03-16", ref);
      s.put(key_of("john"), r, {"john@x.hu", ""});
    });
  });
  CHECK(w.users(ref) == 2);
  w.sweep("2030-01-01");
  CHECK(w.text_of(ref) == "scan");
  // Newer evidence takes the place of Jane's; John is erased by whatever means.
  w.put(key_of("jane"), given("2024-05-01"));
  CHECK(w.users(ref) == 1);
  w.sweep("2030-01-01");
  CHECK(w.text_of(ref) == "scan");
  const auto consents = w.env.open_table("consents");
  w.write([&](write_txn& txn) { txn.erase(consents, stored_key(key_of("john"))); });
  CHECK(w.users(ref) == 0);
  w.sweep("2026-01-01");
  CHECK(w.text_of(ref).empty());
  // Its room is free again.
  CHECK(w.put_blob(std::string(1000, 'a')).has_value());
  CHECK(w.put_blob(std::string(1000, 'b')).has_value());
}

TEST_CASE("a blob waits a day for its consent, and again when it is told again") {
  proof_world w;
  const auto ref = w.put_blob("scan", 1, "2026-01-01T12:00:00Z")->reference;
  w.put_blob("other", 1, "2026-01-01T12:00:00Z");
  w.sweep("2026-01-02T11:59:59Z");
  CHECK(w.text_of(ref) == "scan");
  w.put_blob("scan", 1, "2026-01-02T11:00:00Z");
  w.sweep("2026-01-02T12:00:00Z");
  CHECK(w.text_of(ref) == "scan");
  w.sweep("2026-01-03T11:00:00Z");
  CHECK(w.text_of(ref).empty());
}

TEST_CASE("a record may point to a blob before it is there") {
  proof_world w;
  w.put(key_of("jane"), w.proven("2024-03-15", "sha256:" + abc));
  CHECK(w.users("sha256:" + abc) == 1);
  w.put_blob("abc");
  w.sweep("2030-01-01");
  CHECK(w.text_of("sha256:" + abc) == "abc");
}

TEST_CASE("D1: a notice's exact text is found under the hash that records name") {
  proof_world w;
  const auto stored = w.put_notice("abc");
  REQUIRE(stored.has_value());
  CHECK(stored->notice.hash == "sha256:" + abc);
  const auto find = [&](std::string_view hash, std::uint32_t tenant = 1) {
    const auto n = w.evidence.find_notice(w.env.begin_read(), tenant_id{tenant}, hash);
    return n ? n->text + " " + n->notice.version + " " + n->notice.language : "";
  };
  for (const auto& hash : {"sha256:" + abc, abc, "SHA256:" + abc}) CHECK(find(hash) == "abc v3 hu");
  CHECK(find(abc, 2).empty());
  CHECK(find("5f16").empty());
  // The tenant's own name for it, of whatever make.
  CHECK(w.put_notice("ez egy szöveg", "md5:5f16").has_value());
  CHECK(find("md5:5f16") == "ez egy szöveg v3 hu");
}

TEST_CASE("a notice that is not what its hash says is refused") {
  proof_world w;
  CHECK(w.put_notice("abd", abc).error().kind == failure_kind::invalid);
  CHECK(w.put_notice("").error().kind == failure_kind::invalid);
  CHECK(w.put_notice("\xff").error().kind == failure_kind::invalid);
  CHECK(w.put_notice(std::string(1001, 'x')).error().kind == failure_kind::invalid);
  CHECK(w.put_notice("one", "n1").has_value());
  CHECK(w.put_notice("one", "n1").has_value());
  CHECK(w.put_notice("two", "n1").error().kind == failure_kind::conflict);
  CHECK(w.put_notice("two", "n2").has_value());
  CHECK(w.put_notice("three", "n3").has_value());
  CHECK(w.put_notice("four", "n4").error().kind == failure_kind::limit);
  CHECK(w.put_notice("four", "n4", 2).has_value());
}
