// What proves a consent, beside its record: blobs (a scanned form, a screenshot) that records point
// to by "sha256:<hex>", and the exact texts of notices that records name by their hash. Each is
// stored once for a tenant.
//
//   evidence        tenant(4) sha256(32)      -> what the blob is
//   evidence        tenant(4) 00(32)          -> bytes and blobs of the tenant in all
//   evidence_blobs  tenant(4) sha256(32)      -> its bytes
//   evidence_uses   (consent_ledger.h)        -> which consents point to it
//   notices         tenant(4) name(16)        -> the text; name: hash of the notice's hash
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/lmdb_env.h"
#include "base/result.h"
#include "policy/consent/consent_ledger.h"

namespace consentry::policy::consent {

struct evidence_blob {
  std::string digest;  // SHA-256, 32 bytes
  std::string type;    // "application/pdf", as the uploader said
  std::uint64_t bytes = 0;
  instant stored_at{};  // when it was told last
  std::string stored_by;
};

struct notice_text {
  notice_shown notice;  // hash: as records name it
  std::string text;     // exactly what people were shown, UTF-8
  instant stored_at{};
  std::string stored_by;
};

// Reads: any thread. Writes: inside commit_loop operations; re-runnable. Throws store_error and
// decode_error.
class evidence_store {
 public:
  struct limits {
    std::size_t blob_bytes_max = 256u << 10;
    std::uint64_t tenant_bytes_max = 4ULL << 30;
    std::size_t notice_bytes_max = 64u << 10;
    std::uint64_t tenant_notices_max = 10'000;
    std::chrono::hours unused_for{24};  // a blob that nothing ever pointed to is kept so long
  };

  evidence_store(store_env& env, limits l);  // at start only
  explicit evidence_store(store_env& env) : evidence_store{env, limits{}} {}
  const limits& bounds() const noexcept { return limits_; }

  struct put_blob {
    std::string reference;  // "sha256:<hex>", for consent_record::evidence_reference
    bool is_news = false;
  };
  // invalid: empty or too large; limit: the tenant has no room left.
  result<put_blob> put_evidence(write_txn& txn, tenant_id tenant, std::string_view bytes,
                                std::string_view type, const act& by) const;
  // digest: 32 bytes (blob_digest_of).
  std::optional<evidence_blob> find_evidence(const read_txn& txn, tenant_id tenant,
                                             std::string_view digest) const;
  // Points into the transaction.
  std::optional<std::string_view> bytes_of(const read_txn& txn, tenant_id tenant,
                                           std::string_view digest) const;
  // All of a tenant's, at most `many` a call. resume: empty to begin; empty again at the end.
  struct stored_blob {
    evidence_blob what;
    std::string bytes;
  };
  std::vector<stored_blob> blobs(const read_txn& txn, tenant_id tenant, std::size_t many,
                                 std::string& resume) const;
  std::vector<notice_text> notices(const read_txn& txn, tenant_id tenant, std::size_t many,
                                   std::string& resume) const;
  // Persons whose consents point to it, at most limit.
  std::vector<std::string> persons_of(const read_txn& txn, tenant_id tenant,
                                      std::string_view digest, std::size_t limit) const;

  // Removes blobs that no consent points to any more, and those that none ever did after
  // unused_for. Looks at at most `blobs` from behind `after` (empty: from the first); gives where
  // to go on, empty at the end. Asks the records themselves: whatever erased them, their proof goes
  // too.
  std::string sweep(write_txn& txn, std::string_view after, std::size_t blobs, instant now) const;

  // Names the text by notice.hash, or by its own SHA-256 where that is empty. invalid: empty, too
  // long, not UTF-8, or the hash is a SHA-256 of something else; conflict: another text stands
  // under this name.
  result<notice_text> put_notice(write_txn& txn, tenant_id tenant, const notice_shown& notice,
                                 std::string_view text, const act& by) const;
  std::optional<notice_text> find_notice(const read_txn& txn, tenant_id tenant,
                                         std::string_view hash) const;

 private:
  bool is_used(const read_txn& txn, std::string_view use_key, std::string_view digest) const;
  bool drop_stale_uses(write_txn& txn, const std::string& blob_key, bool& had_any) const;
  void count(write_txn& txn, tenant_id tenant, std::int64_t bytes, std::int64_t blobs) const;

  limits limits_;
  table evidence_;
  table blobs_;
  table uses_;
  table consents_;
  table notices_;
};

}  // namespace consentry::policy::consent
