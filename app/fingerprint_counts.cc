#include "app/fingerprint_counts.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"

namespace consentry::app {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t person_bytes = 8;  // of the pseudonym: a row holds few people
constexpr std::size_t reader_bytes = person_bytes + 8;

std::string key_of(tenant_id tenant, std::string_view digest) {
  CONSENTRY_CHECK(digest.size() == 16);
  return byte_writer{}.be32(tenant.value).raw(digest).take();
}

// The time of the latest reader; rows are written whole, so it is the last.
instant latest_in(std::string_view row) {
  if (row.size() < 1 + reader_bytes) return {};
  return from_ms(static_cast<std::int64_t>(byte_reader{row.substr(row.size() - 8)}.be64()));
}

template_approval decode_approval(std::string_view digest, std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("template approval: unknown version");
  template_approval a;
  a.digest = digest;
  a.approver = in.text();
  a.reason = in.text();
  a.approved_at = from_ms(in.zigzag());
  a.expires_at = from_ms(in.zigzag());
  if (!in.at_end()) throw decode_error("template approval: bytes behind it");
  return a;
}

}  // namespace

content_window::content_window(std::string_view stored, instant now, std::size_t limit)
    : limit_{limit}, now_{now} {
  if (stored.empty()) return;
  byte_reader in{stored};
  if (in.u8() != version) throw decode_error("fingerprint: unknown version");
  while (!in.at_end()) {
    reader r{.person = std::string{in.raw(person_bytes)}};
    r.at = from_ms(static_cast<std::int64_t>(in.be64()));
    if (now - r.at < fingerprint_window_length) readers_.push_back(std::move(r));
  }
}

bool content_window::turns_bulk(std::string_view person) const {
  if (!is_counting()) return false;
  const bool is_known = std::ranges::any_of(
      readers_, [&](const reader& r) { return r.person == person.substr(0, person_bytes); });
  return readers_.size() + (is_known ? 0 : 1) > limit_;
}

void content_window::add(std::string_view person) {
  if (!is_counting()) return;
  const std::string cut{person.substr(0, person_bytes)};
  std::erase_if(readers_, [&](const reader& r) { return r.person == cut; });
  readers_.push_back({.person = cut, .at = now_});
  // The latest suffice to know that there are too many.
  while (readers_.size() > limit_ + 1) readers_.erase(readers_.begin());
}

std::string content_window::encode() const {
  byte_writer out;
  out.u8(version);
  for (const auto& r : readers_) out.raw(r.person).be64(static_cast<std::uint64_t>(to_ms(r.at)));
  return out.take();
}

fingerprint_counts::fingerprint_counts(store_env& env)
    : counts_{env.open_table("fingerprints")}, approvals_{env.open_table("template_approvals")} {}

content_window fingerprint_counts::window(const read_txn& txn, tenant_id tenant,
                                          std::string_view digest, instant now,
                                          std::size_t limit) const {
  const auto key = key_of(tenant, digest);
  if (const auto approved = txn.get(approvals_, key);
      approved && decode_approval(digest, *approved).expires_at > now)
    return {};
  return {txn.get(counts_, key).value_or(std::string_view{}), now, limit};
}

void fingerprint_counts::put(write_txn& txn, tenant_id tenant, std::string_view digest,
                             const content_window& w) const {
  if (w.is_counting()) txn.put(counts_, key_of(tenant, digest), w.encode());
}

std::string fingerprint_counts::trim(write_txn& txn, instant now, const std::string& resume,
                                     std::size_t rows) const {
  auto c = txn.scan(counts_);
  bool more = resume.empty() ? c.first() : c.seek(resume);
  for (; more; more = c.next()) {
    if (rows-- == 0) return std::string{c.key()};
    if (now - latest_in(c.value()) >= fingerprint_window_length) c.erase();
  }
  return {};
}

void fingerprint_counts::approve(write_txn& txn, tenant_id tenant,
                                 const template_approval& a) const {
  txn.put(approvals_, key_of(tenant, a.digest),
          byte_writer{}
              .u8(version)
              .text(a.approver)
              .text(a.reason)
              .zigzag(to_ms(a.approved_at))
              .zigzag(to_ms(a.expires_at))
              .bytes());
}

bool fingerprint_counts::revoke(write_txn& txn, tenant_id tenant, std::string_view digest) const {
  return txn.erase(approvals_, key_of(tenant, digest));
}

std::vector<template_approval> fingerprint_counts::approvals(const read_txn& txn, tenant_id tenant,
                                                             std::size_t limit) const {
  std::vector<template_approval> out;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  auto c = txn.scan(approvals_);
  for (bool ok = c.seek(prefix); ok && c.key().starts_with(prefix) && out.size() < limit;
       ok = c.next())
    out.push_back(decode_approval(c.key().substr(prefix.size()), c.value()));
  return out;
}

}  // namespace consentry::app
