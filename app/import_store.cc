#include "app/import_store.h"

#include <algorithm>

#include "base/bytes.h"

namespace consentry::app {

namespace {

constexpr std::string_view followed_key = "imports.followed";

std::string id_key(import_id id) {
  return byte_writer{}.be64(id.value).take();
}
std::string tenant_key(tenant_id tenant, std::uint64_t id) {
  return byte_writer{}.be32(tenant.value).be64(id).take();
}
std::string sample_key(std::uint64_t hash, tenant_id tenant) {
  return byte_writer{}.be64(hash).be32(tenant.value).take();
}

}  // namespace

import_store::import_store(store_env& env)
    : jobs_{env.open_table("imports")},
      by_tenant_{env.open_table("imports_of_tenant")},
      samples_{env.open_table("import_samples")},
      meta_{env.open_table("meta")} {}

import_id import_store::add(write_txn& txn, import_job& j) const {
  {
    auto c = txn.scan(jobs_);
    j.id = {c.last() ? byte_reader{c.key()}.be64() + 1 : 1};
  }
  txn.put(by_tenant_, tenant_key(j.tenant, j.id.value), {});
  put(txn, j);
  return j.id;
}

void import_store::put(write_txn& txn, const import_job& j) const {
  txn.put(jobs_, id_key(j.id), encode(j));
}

std::optional<import_job> import_store::find(const read_txn& txn, import_id id) const {
  const auto bytes = txn.get(jobs_, id_key(id));
  if (!bytes) return std::nullopt;
  return decode_import_job(*bytes);
}

std::vector<import_job> import_store::of_tenant(const read_txn& txn, tenant_id tenant,
                                                std::size_t limit) const {
  std::vector<import_job> out;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  auto c = txn.scan(by_tenant_);
  bool more = c.seek_last(tenant_key(tenant, UINT64_MAX));
  for (; more && c.key().starts_with(prefix) && out.size() < limit; more = c.previous()) {
    byte_reader key{c.key()};
    key.be32();
    if (auto j = find(txn, {key.be64()})) out.push_back(std::move(*j));
  }
  return out;
}

instant import_store::unique_now(const read_txn& txn, tenant_id tenant, instant wall) const {
  for (const auto& j : of_tenant(txn, tenant, SIZE_MAX))
    if (j.now && *j.now >= wall) wall = *j.now + std::chrono::milliseconds{1};
  return wall;
}

std::optional<import_job> import_store::find_by_now(const read_txn& txn, tenant_id tenant,
                                                    instant now) const {
  for (auto& j : of_tenant(txn, tenant, SIZE_MAX))
    if (j.now == now) return std::move(j);
  return std::nullopt;
}

void import_store::add_samples(write_txn& txn, tenant_id tenant,
                               std::span<const std::uint64_t> sorted) const {
  for (const auto hash : sorted) txn.put(samples_, sample_key(hash, tenant), {});
}

std::uint64_t import_store::count_shared(const read_txn& txn, tenant_id tenant,
                                         std::span<const std::uint64_t> sorted) const {
  std::uint64_t shared = 0;
  auto c = txn.scan(samples_);
  for (const auto hash : sorted) {
    const auto prefix = byte_writer{}.be64(hash).take();
    for (bool more = c.seek(prefix); more && c.key().starts_with(prefix); more = c.next()) {
      byte_reader key{c.key()};
      key.be64();
      if (key.be32() == tenant.value) continue;
      ++shared;
      break;
    }
  }
  return shared;
}

void import_store::forget_sample(write_txn& txn, tenant_id tenant, std::uint64_t hash) const {
  txn.erase(samples_, sample_key(hash, tenant));
}

bool import_store::remove_tenant(write_txn& txn, tenant_id tenant, std::size_t rows) const {
  std::size_t removed = 0;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  for (;;) {
    auto c = txn.scan(by_tenant_);
    if (removed >= rows) return true;
    if (!c.seek(prefix) || !c.key().starts_with(prefix)) break;
    byte_reader key{c.key()};
    key.be32();
    txn.erase(jobs_, id_key({key.be64()}));
    c.erase();
    ++removed;
  }
  // Samples are sorted by hash: a tenant's lie everywhere. Rare, so the whole table is walked.
  std::vector<std::string> mine;
  {
    auto c = txn.scan(samples_);
    for (bool more = c.first(); more && removed + mine.size() < rows; more = c.next())
      if (c.key().ends_with(prefix)) mine.emplace_back(c.key());
  }
  for (const auto& key : mine) txn.erase(samples_, key);
  return removed + mine.size() >= rows;
}

std::optional<import_store::suspect> import_store::suspect_of(tenant_id tenant) const {
  const auto all = suspects_.get();
  if (!all) return std::nullopt;
  const auto found = all->find(tenant);
  return found == all->end() ? std::nullopt : std::optional{found->second};
}

void import_store::refresh_suspects(const read_txn& txn) {
  auto next = std::make_shared<std::map<tenant_id, suspect>>();
  const auto is_suspect = [](const import_job& j) {
    // What was stored of a failed or cancelled import is as suspect as of a whole one.
    const bool may_send = j.state == import_state::applying || j.position.rows != 0;
    return may_send && !j.released_at && j.points() > 0;
  };
  for (const auto& j : all(txn, is_suspect)) {
    auto& worst = (*next)[j.tenant];
    if (j.points() >= worst.points) worst = {j.id, j.points()};
  }
  suspects_.set(std::move(next));
}

std::uint64_t import_store::followed(const read_txn& txn) const {
  const auto bytes = txn.get(meta_, followed_key);
  return bytes ? byte_reader{*bytes}.be64() : 0;
}

void import_store::set_followed(write_txn& txn, std::uint64_t seq) const {
  txn.put(meta_, followed_key, byte_writer{}.be64(seq).bytes());
}

}  // namespace consentry::app
