#include "policy/consent/evidence_store.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/secret.h"
#include "base/text.h"

// blob   = u8 version(1), varint bytes, zigzag stored_at, text type, text stored_by
// sums   = varint bytes, varint blobs
// notice = u8 version(1), text version hash language url, text text, zigzag stored_at, text
// stored_by

namespace consentry::policy::consent {

namespace {

constexpr std::size_t digest_bytes = 32;
constexpr std::size_t uses_looked_at_max = 10'000;
constexpr std::string_view sha_prefix = "sha256:";

std::string blob_key(tenant_id tenant, std::string_view digest) {
  CONSENTRY_CHECK(digest.size() == digest_bytes);
  return byte_writer{}.be32(tenant.value).raw(digest).take();
}

std::string sums_key(tenant_id tenant) {
  return blob_key(tenant, std::string(digest_bytes, '\0'));
}

bool is_sums(std::string_view key) {
  return key.substr(4) == std::string(digest_bytes, '\0');
}

struct sums {
  std::uint64_t bytes = 0;
  std::uint64_t blobs = 0;
};

sums read_sums(const read_txn& txn, table t, tenant_id tenant) {
  const auto bytes = txn.get(t, sums_key(tenant));
  if (!bytes) return {};
  byte_reader in{*bytes};
  sums s;
  s.bytes = in.varint();
  s.blobs = in.varint();
  return s;
}

evidence_blob decode_blob(std::string_view digest, std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != 1) throw decode_error{"evidence of another version"};
  evidence_blob b;
  b.digest = digest;
  b.bytes = in.varint();
  b.stored_at = from_ms(in.zigzag());
  b.type = in.text();
  b.stored_by = in.text();
  return b;
}

std::string encode(const evidence_blob& b) {
  return byte_writer{}
      .u8(1)
      .varint(b.bytes)
      .zigzag(to_ms(b.stored_at))
      .text(b.type)
      .text(b.stored_by)
      .take();
}

std::string encode(const notice_text& n) {
  return byte_writer{}
      .u8(1)
      .text(n.notice.version)
      .text(n.notice.hash)
      .text(n.notice.language)
      .text(n.notice.url)
      .text(n.text)
      .zigzag(to_ms(n.stored_at))
      .text(n.stored_by)
      .take();
}

notice_text decode_notice(std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != 1) throw decode_error{"notice of another version"};
  notice_text n;
  n.notice.version = in.text();
  n.notice.hash = in.text();
  n.notice.language = in.text();
  n.notice.url = in.text();
  n.text = in.text();
  n.stored_at = from_ms(in.zigzag());
  n.stored_by = in.text();
  return n;
}

// "sha256:AB.." and "ab..": one name for one hash.
std::string folded_hash(std::string_view hash) {
  auto out = ascii_lower(trim(hash));
  if (out.starts_with(sha_prefix)) out.erase(0, sha_prefix.size());
  return out;
}

bool is_sha256(std::string_view folded) {
  return folded.size() == 2 * digest_bytes && parse_hex(folded);
}

std::string notice_key(tenant_id tenant, std::string_view hash) {
  const auto name = sha256(folded_hash(hash));
  return byte_writer{}.be32(tenant.value).raw(as_bytes(name).substr(0, 16)).take();
}

failure no(failure_kind kind, std::string text) {
  return {.kind = kind, .permanent = true, .public_text = std::move(text)};
}

}  // namespace

evidence_store::evidence_store(store_env& env, limits l)
    : limits_{l},
      evidence_{env.open_table("evidence")},
      blobs_{env.open_table("evidence_blobs")},
      uses_{env.open_table("evidence_uses")},
      consents_{env.open_table("consents")},
      notices_{env.open_table("notices")} {}

void evidence_store::count(write_txn& txn, tenant_id tenant, std::int64_t bytes,
                           std::int64_t blobs) const {
  auto s = read_sums(txn, evidence_, tenant);
  s.bytes += static_cast<std::uint64_t>(bytes);
  s.blobs += static_cast<std::uint64_t>(blobs);
  txn.put(evidence_, sums_key(tenant), byte_writer{}.varint(s.bytes).varint(s.blobs).bytes());
}

result<evidence_store::put_blob> evidence_store::put_evidence(write_txn& txn, tenant_id tenant,
                                                              std::string_view bytes,
                                                              std::string_view type,
                                                              const act& by) const {
  if (bytes.empty()) return no(failure_kind::invalid, "the evidence is empty");
  if (bytes.size() > limits_.blob_bytes_max)
    return no(failure_kind::invalid,
              "evidence may have " + human_bytes(limits_.blob_bytes_max) + " at most");
  const auto digest = sha256(bytes);
  const put_blob known{.reference = std::string{sha_prefix} + hex(as_bytes(digest))};
  const auto key = blob_key(tenant, as_bytes(digest));
  const auto stored = txn.get(evidence_, key);
  const bool is_news = !stored;
  if (is_news && read_sums(txn, evidence_, tenant).bytes + bytes.size() > limits_.tenant_bytes_max)
    return no(failure_kind::limit, "the tenant's evidence takes up all its room");
  evidence_blob about;
  about.bytes = bytes.size();
  about.type = printable(type, 100);
  about.stored_by = by.actor;
  if (stored) about = decode_blob(as_bytes(digest), *stored);
  // Told again, it waits anew for a consent to point to it.
  about.stored_at = by.at;
  txn.put(evidence_, key, encode(about));
  if (!is_news) return known;
  txn.put(blobs_, key, bytes);
  count(txn, tenant, static_cast<std::int64_t>(bytes.size()), 1);
  return put_blob{.reference = known.reference, .is_news = true};
}

std::optional<evidence_blob> evidence_store::find_evidence(const read_txn& txn, tenant_id tenant,
                                                           std::string_view digest) const {
  const auto bytes = txn.get(evidence_, blob_key(tenant, digest));
  if (!bytes || is_sums(blob_key(tenant, digest))) return std::nullopt;
  return decode_blob(digest, *bytes);
}

std::optional<std::string_view> evidence_store::bytes_of(const read_txn& txn, tenant_id tenant,
                                                         std::string_view digest) const {
  return txn.get(blobs_, blob_key(tenant, digest));
}

std::vector<std::string> evidence_store::persons_of(const read_txn& txn, tenant_id tenant,
                                                    std::string_view digest,
                                                    std::size_t limit) const {
  std::vector<std::string> out;
  const auto prefix = blob_key(tenant, digest);
  auto at = txn.scan(uses_);
  for (bool ok = at.seek(prefix); ok && at.key().starts_with(prefix) && out.size() < limit;
       ok = at.next()) {
    const auto person = at.key().substr(prefix.size(), 16);
    if (is_used(txn, at.key(), digest) && (out.empty() || out.back() != person))
      out.emplace_back(person);
  }
  return out;
}

// Whether the consent that a use names is there still, and still points to the blob.
bool evidence_store::is_used(const read_txn& txn, std::string_view use_key,
                             std::string_view digest) const {
  const auto consent_key =
      std::string{use_key.substr(0, 4)} + std::string{use_key.substr(4 + digest_bytes)};
  const auto bytes = txn.get(consents_, consent_key);
  return bytes && evidence_digest_in(*bytes) == digest;
}

// Drops the uses that are none any more, up to the first that is. true: there is such a one.
bool evidence_store::drop_stale_uses(write_txn& txn, const std::string& key, bool& had_any) const {
  const auto digest = key.substr(4);
  std::vector<std::string> stale;
  bool is_needed = false;
  {
    auto at = txn.scan(uses_);
    for (bool ok = at.seek(key); ok && at.key().starts_with(key) && !is_needed; ok = at.next()) {
      had_any = true;
      is_needed = is_used(txn, at.key(), digest) || stale.size() == uses_looked_at_max;
      if (!is_needed) stale.emplace_back(at.key());
    }
  }
  for (const auto& use : stale) txn.erase(uses_, use);
  return is_needed;
}

std::string evidence_store::sweep(write_txn& txn, std::string_view after, std::size_t blobs,
                                  instant now) const {
  struct found {
    std::string key;
    evidence_blob what;
  };
  std::vector<found> page;
  std::string next;
  {
    auto at = txn.scan(evidence_);
    bool ok = after.empty() ? at.first() : at.seek(after);
    if (ok && at.key() == after) ok = at.next();
    for (; ok; ok = at.next()) {
      if (is_sums(at.key())) continue;
      if (page.size() == blobs) {
        next = page.empty() ? std::string{} : page.back().key;
        break;
      }
      page.push_back({std::string{at.key()}, decode_blob(at.key().substr(4), at.value())});
    }
  }
  for (const auto& [key, what] : page) {
    bool had_any = false;
    if (drop_stale_uses(txn, key, had_any)) continue;
    // One that never was pointed to may still wait for its consent.
    if (!had_any && what.stored_at + limits_.unused_for > now) continue;
    txn.erase(evidence_, key);
    txn.erase(blobs_, key);
    count(txn, tenant_of(key), -static_cast<std::int64_t>(what.bytes), -1);
  }
  return next;
}

result<notice_text> evidence_store::put_notice(write_txn& txn, tenant_id tenant,
                                               const notice_shown& notice, std::string_view text,
                                               const act& by) const {
  if (text.empty() || !is_valid_utf8(text))
    return no(failure_kind::invalid, "the notice's text must be UTF-8, and not empty");
  if (text.size() > limits_.notice_bytes_max)
    return no(failure_kind::invalid,
              "a notice may have " + human_bytes(limits_.notice_bytes_max) + " at most");
  for (const auto* part : {&notice.version, &notice.hash, &notice.language, &notice.url})
    if (part->size() > 1024 || !is_valid_utf8(*part))
      return no(failure_kind::invalid, "version, hash, language or url is too long or not UTF-8");
  notice_text n{
      .notice = notice, .text = std::string{text}, .stored_at = by.at, .stored_by = by.actor};
  const auto own = hex(as_bytes(sha256(text)));
  if (trim(notice.hash).empty()) n.notice.hash = std::string{sha_prefix} + own;
  const auto folded = folded_hash(n.notice.hash);
  if (is_sha256(folded) && folded != own)
    return no(failure_kind::invalid, "the hash is not the SHA-256 of this text, which is " +
                                         std::string{sha_prefix} + own);
  const auto key = notice_key(tenant, n.notice.hash);
  if (const auto stored = txn.get(notices_, key)) {
    auto before = decode_notice(*stored);
    if (before.text != text)
      return no(failure_kind::conflict, "another text is stored under this hash");
    return before;
  }
  const auto prefix = key.substr(0, 4);
  std::uint64_t many = 0;
  auto at = txn.scan(notices_);
  for (bool ok = at.seek(prefix); ok && at.key().starts_with(prefix); ok = at.next()) ++many;
  if (many >= limits_.tenant_notices_max)
    return no(failure_kind::limit, "the tenant has too many notices");
  txn.put(notices_, key, encode(n));
  return n;
}

std::optional<notice_text> evidence_store::find_notice(const read_txn& txn, tenant_id tenant,
                                                       std::string_view hash) const {
  const auto bytes = txn.get(notices_, notice_key(tenant, hash));
  if (!bytes) return std::nullopt;
  return decode_notice(*bytes);
}

std::vector<evidence_store::stored_blob> evidence_store::blobs(const read_txn& txn,
                                                               tenant_id tenant, std::size_t many,
                                                               std::string& resume) const {
  std::vector<stored_blob> out;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  const auto from = std::exchange(resume, {});
  auto at = txn.scan(evidence_);
  for (bool ok = at.seek(from.empty() ? prefix : from); ok && at.key().starts_with(prefix);
       ok = at.next()) {
    if (is_sums(at.key())) continue;
    if (out.size() == many) {
      resume = at.key();
      break;
    }
    const auto digest = at.key().substr(prefix.size());
    out.push_back({decode_blob(digest, at.value()),
                   std::string{bytes_of(txn, tenant, digest).value_or(std::string_view{})}});
  }
  return out;
}

std::vector<notice_text> evidence_store::notices(const read_txn& txn, tenant_id tenant,
                                                 std::size_t many, std::string& resume) const {
  std::vector<notice_text> out;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  const auto from = std::exchange(resume, {});
  auto at = txn.scan(notices_);
  for (bool ok = at.seek(from.empty() ? prefix : from); ok && at.key().starts_with(prefix);
       ok = at.next()) {
    if (out.size() == many) {
      resume = at.key();
      break;
    }
    out.push_back(decode_notice(at.value()));
  }
  return out;
}

}  // namespace consentry::policy::consent
