#include "app/webhook_store.h"

#include <fmt/format.h>

#include <charconv>

#include "base/bytes.h"

namespace consentry::app {
namespace {

constexpr std::uint8_t version = 1;

std::string key_of(const webhook_id& id) {
  return byte_writer{}.be32(id.tenant.value).be32(id.number).take();
}

std::string dead_key(const webhook_id& id, journal_seq first) {
  return key_of(id) + byte_writer{}.be64(first.value).take();
}

std::string encode(const webhook& w) {
  byte_writer o;
  o.u8(version).text(w.url).varint(w.only.size());
  for (const auto& name : w.only) o.text(name);
  o.text(w.secret).text(w.old_secret).zigzag(to_ms(w.old_secret_until));
  o.flag(w.is_paused).text(w.paused_because).varint(w.cursor.value);
  o.varint(w.attempts)
      .varint(w.batch_through.value)
      .varint(w.failures)
      .zigzag(to_ms(w.next_at))
      .varint(w.told);
  o.flag(w.told_at.has_value()).zigzag(w.told_at ? to_ms(*w.told_at) : 0);
  o.text(w.last_error).varint(w.last_status).zigzag(to_ms(w.created_at)).text(w.created_by);
  return o.take();
}

webhook decode_webhook(std::uint32_t number, std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("webhook: unknown version");
  webhook w;
  w.number = number;
  w.url = in.text();
  for (auto n = in.varint(); n != 0; --n) w.only.emplace_back(in.text());
  w.secret = in.text();
  w.old_secret = in.text();
  w.old_secret_until = from_ms(in.zigzag());
  w.is_paused = in.flag();
  w.paused_because = in.text();
  w.cursor = {in.varint()};
  w.attempts = static_cast<std::uint32_t>(in.varint());
  w.batch_through = {in.varint()};
  w.failures = static_cast<std::uint32_t>(in.varint());
  w.next_at = from_ms(in.zigzag());
  w.told = in.varint();
  const bool was_told = in.flag();
  const auto told_at = from_ms(in.zigzag());
  if (was_told) w.told_at = told_at;
  w.last_error = in.text();
  w.last_status = static_cast<std::uint32_t>(in.varint());
  w.created_at = from_ms(in.zigzag());
  w.created_by = in.text();
  return w;
}

std::string encode(const dead_letter& d) {
  byte_writer o;
  o.u8(version).varint(d.through.value).varint(d.outcomes).zigzag(to_ms(d.at));
  o.text(d.why).flag(d.is_wanted);
  return o.take();
}

dead_letter decode_dead(std::string_view key, std::string_view bytes) {
  byte_reader at{key};
  at.be64();  // whose
  dead_letter d;
  d.first = {at.be64()};
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("dead letter: unknown version");
  d.through = {in.varint()};
  d.outcomes = in.varint();
  d.at = from_ms(in.zigzag());
  d.why = in.text();
  d.is_wanted = in.flag();
  return d;
}

}  // namespace

std::string webhook_name(std::uint32_t number) {
  return fmt::format("w{}", number);
}

std::optional<std::uint32_t> parse_webhook_name(std::string_view name) {
  std::uint32_t n = 0;
  if (!name.starts_with('w')) return std::nullopt;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), n);
  if (error != std::errc{} || end != name.data() + name.size() || n == 0) return std::nullopt;
  return n;
}

webhook_store::webhook_store(store_env& env)
    : webhooks_{env.open_table("webhooks")}, dead_{env.open_table("webhook_dead")} {}

std::vector<webhook> webhook_store::of_tenant(const read_txn& txn, tenant_id tenant) const {
  std::vector<webhook> out;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  auto c = txn.scan(webhooks_);
  for (bool more = c.seek(prefix); more && c.key().starts_with(prefix); more = c.next())
    out.push_back(decode_webhook(byte_reader{c.key().substr(4)}.be32(), c.value()));
  return out;
}

std::vector<std::pair<tenant_id, webhook>> webhook_store::all(const read_txn& txn) const {
  std::vector<std::pair<tenant_id, webhook>> out;
  auto c = txn.scan(webhooks_);
  while (c.next()) {
    byte_reader key{c.key()};
    const tenant_id tenant{key.be32()};
    out.emplace_back(tenant, decode_webhook(key.be32(), c.value()));
  }
  return out;
}

std::optional<webhook> webhook_store::find(const read_txn& txn, const webhook_id& id) const {
  const auto bytes = txn.get(webhooks_, key_of(id));
  if (!bytes) return std::nullopt;
  return decode_webhook(id.number, *bytes);
}

result<webhook> webhook_store::add(write_txn& txn, tenant_id tenant, webhook w) const {
  const auto known = of_tenant(txn, tenant);
  if (known.size() >= webhooks_of_tenant_max)
    return failure{.kind = failure_kind::conflict,
                   .permanent = true,
                   .public_text = fmt::format("there are {} already", known.size())};
  w.number = known.empty() ? 1 : known.back().number + 1;
  put(txn, {tenant, w.number}, w);
  return w;
}

void webhook_store::put(write_txn& txn, const webhook_id& id, const webhook& w) const {
  txn.put(webhooks_, key_of(id), encode(w));
}

bool webhook_store::remove(write_txn& txn, const webhook_id& id) const {
  const auto prefix = key_of(id);
  {
    auto c = txn.scan(dead_);
    for (bool more = c.seek(prefix); more && c.key().starts_with(prefix); more = c.next())
      c.erase();
  }
  return txn.erase(webhooks_, prefix);
}

std::vector<dead_letter> webhook_store::dead(const read_txn& txn, const webhook_id& id) const {
  std::vector<dead_letter> out;
  const auto prefix = key_of(id);
  auto c = txn.scan(dead_);
  for (bool more = c.seek(prefix); more && c.key().starts_with(prefix); more = c.next())
    out.push_back(decode_dead(c.key(), c.value()));
  return out;
}

std::optional<dead_letter> webhook_store::next_wanted(const read_txn& txn,
                                                      const webhook_id& id) const {
  for (auto& d : dead(txn, id))
    if (d.is_wanted) return std::move(d);
  return std::nullopt;
}

void webhook_store::bury(write_txn& txn, const webhook_id& id, dead_letter d) const {
  const auto known = dead(txn, id);
  if (!known.empty() && known.back().through.value + 1 == d.first.value &&
      !known.back().is_wanted) {
    d.first = known.back().first;
    d.outcomes += known.back().outcomes;
  }
  put(txn, id, d);
}

void webhook_store::put(write_txn& txn, const webhook_id& id, const dead_letter& d) const {
  txn.put(dead_, dead_key(id, d.first), encode(d));
}

void webhook_store::erase(write_txn& txn, const webhook_id& id, journal_seq first) const {
  txn.erase(dead_, dead_key(id, first));
}

}  // namespace consentry::app
