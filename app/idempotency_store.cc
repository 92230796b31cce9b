#include "app/idempotency_store.h"

#include <vector>

#include "base/bytes.h"

namespace consentry::app {

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t time_bytes = 8;

std::string key_of(tenant_id tenant, std::string_view key) {
  return byte_writer{}.be32(tenant.value).raw(as_bytes(sha256(key))).take();
}
std::string sum_key(tenant_id tenant) {
  return byte_writer{}.be32(tenant.value).raw(std::string(32, '\0')).take();
}
std::string time_key(instant at, std::string_view stored_key) {
  return byte_writer{}.be64(static_cast<std::uint64_t>(to_ms(at))).raw(stored_key).take();
}
instant time_of(std::string_view time_key) {
  return from_ms(static_cast<std::int64_t>(byte_reader{time_key}.be64()));
}

std::string encode(const stored_answer& a) {
  byte_writer w;
  w.u8(version).raw(as_bytes(a.request)).zigzag(to_ms(a.at));
  w.varint(static_cast<std::uint64_t>(a.status)).text(a.body);
  return w.take();
}

stored_answer decode_answer(std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("idempotency: unknown version");
  stored_answer a;
  const auto digest = in.raw(a.request.size());
  std::copy(digest.begin(), digest.end(), a.request.begin());
  a.at = from_ms(in.zigzag());
  a.status = static_cast<int>(in.varint());
  a.body = in.text();
  return a;
}

}  // namespace

idempotency_store::idempotency_store(store_env& env, limits l)
    : limits_{l},
      answers_{env.open_table("idempotency")},
      by_time_{env.open_table("idempotency_by_time")} {}

std::optional<stored_answer> idempotency_store::find(const read_txn& txn, tenant_id tenant,
                                                     std::string_view key, instant now) const {
  const auto bytes = txn.get(answers_, key_of(tenant, key));
  if (!bytes) return std::nullopt;
  auto a = decode_answer(*bytes);
  if (now - a.at >= limits_.kept) return std::nullopt;
  return a;
}

idempotency_store::sum idempotency_store::sum_of(const read_txn& txn, tenant_id tenant) const {
  const auto bytes = txn.get(answers_, sum_key(tenant));
  if (!bytes) return {};
  byte_reader in{*bytes};
  sum s;
  s.answers = in.varint();
  s.bytes = in.varint();
  return s;
}

void idempotency_store::store_sum(write_txn& txn, tenant_id tenant, const sum& s) const {
  txn.put(answers_, sum_key(tenant), byte_writer{}.varint(s.answers).varint(s.bytes).take());
}

void idempotency_store::erase(write_txn& txn, const std::string& at) const {
  const auto stored_key = at.substr(time_bytes);
  const tenant_id tenant{byte_reader{stored_key}.be32()};
  if (const auto bytes = txn.get(answers_, stored_key)) {
    auto s = sum_of(txn, tenant);
    s.answers -= 1;
    s.bytes -= bytes->size();
    txn.erase(answers_, stored_key);
    store_sum(txn, tenant, s);
  }
  txn.erase(by_time_, at);
}

void idempotency_store::trim(write_txn& txn, instant now) const {
  std::vector<std::string> old;
  {
    auto c = txn.scan(by_time_);
    while (old.size() < limits_.trimmed_at_once && c.next() &&
           now - time_of(c.key()) >= limits_.kept)
      old.emplace_back(c.key());
  }
  for (const auto& at : old) erase(txn, at);
}

bool idempotency_store::has_room(const read_txn& txn, tenant_id tenant) const {
  const auto s = sum_of(txn, tenant);
  return s.answers < limits_.answers_max && s.bytes < limits_.bytes_max;
}

void idempotency_store::keep(write_txn& txn, tenant_id tenant, std::string_view key,
                             const stored_answer& a) const {
  const auto at = key_of(tenant, key);
  // One that is too old to count makes room for the new one of the same name.
  if (const auto bytes = txn.get(answers_, at)) {
    const auto old = time_key(decode_answer(*bytes).at, at);
    erase(txn, old);
  }
  trim(txn, a.at);
  auto s = sum_of(txn, tenant);
  const auto bytes = encode(a);
  txn.put(answers_, at, bytes);
  txn.put(by_time_, time_key(a.at, at), "");
  s.answers += 1;
  s.bytes += bytes.size();
  store_sum(txn, tenant, s);
}

void idempotency_store::remove_all(write_txn& txn, tenant_id tenant) const {
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  std::vector<std::string> theirs;
  {
    auto c = txn.scan(answers_);
    for (bool more = c.seek(prefix); more && c.key().starts_with(prefix); more = c.next())
      if (c.key() != sum_key(tenant))
        theirs.push_back(time_key(decode_answer(c.value()).at, c.key()));
  }
  for (const auto& at : theirs) erase(txn, at);
  txn.erase(answers_, sum_key(tenant));
}

}  // namespace consentry::app
