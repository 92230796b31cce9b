#include "app/erasure_store.h"

#include <vector>

#include "base/bytes.h"
#include "base/check.h"

namespace consentry::app {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t person_bytes = 16;

std::string key_of(tenant_id tenant, std::string_view person) {
  CONSENTRY_CHECK(person.size() == person_bytes);
  return byte_writer{}.be32(tenant.value).raw(person).take();
}

std::string encode(const erasure_record& r) {
  byte_writer w;
  w.u8(version).zigzag(to_ms(r.at)).text(r.reason).text(r.actor).varint(r.entry.value);
  w.flag(r.gone_at.has_value());
  if (r.gone_at) w.zigzag(to_ms(*r.gone_at));
  return w.take();
}

erasure_record decode_erasure(std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("erasure of another version");
  erasure_record r;
  r.at = from_ms(in.zigzag());
  r.reason = in.text();
  r.actor = in.text();
  r.entry = {in.varint()};
  if (in.flag()) r.gone_at = from_ms(in.zigzag());
  return r;
}

}  // namespace

erasure_store::erasure_store(store_env& env)
    : erasures_{env.open_table("erasures")}, pending_{env.open_table("erasures_pending")} {}

void erasure_store::put(write_txn& txn, tenant_id tenant, std::string_view person,
                        const erasure_record& r) const {
  const auto key = key_of(tenant, person);
  txn.put(erasures_, key, encode(r));
  txn.put(pending_, byte_writer{}.be64(r.entry.value).bytes(),
          byte_writer{}.raw(key).zigzag(to_ms(r.at)).bytes());
}

std::optional<erasure_record> erasure_store::find(const read_txn& txn, tenant_id tenant,
                                                  std::string_view person) const {
  const auto bytes = txn.get(erasures_, key_of(tenant, person));
  return bytes ? std::optional{decode_erasure(*bytes)} : std::nullopt;
}

pending_erasures erasure_store::pending(const read_txn& txn) const {
  pending_erasures out{.count = txn.entries(pending_)};
  auto c = txn.scan(pending_);
  if (!c.first()) return out;
  byte_reader in{c.value()};
  in.raw(4 + person_bytes);
  out.oldest = from_ms(in.zigzag());
  return out;
}

bool erasure_store::settle(write_txn& txn, journal_seq through, instant now,
                           std::size_t rows) const {
  std::vector<std::pair<std::string, std::string>> done;  // key in pending_, key in erasures_
  bool more = false;
  {
    auto c = txn.scan(pending_);
    for (bool ok = c.first(); ok && byte_reader{c.key()}.be64() <= through.value; ok = c.next()) {
      more = done.size() == rows;
      if (more) break;
      done.emplace_back(c.key(), c.value().substr(0, 4 + person_bytes));
    }
  }
  for (const auto& [at, key] : done) {
    txn.erase(pending_, at);
    const auto bytes = txn.get(erasures_, key);
    if (!bytes) continue;
    auto r = decode_erasure(*bytes);
    // Erased anew since: that one has an entry of its own.
    if (r.entry > through) continue;
    r.gone_at = now;
    txn.put(erasures_, key, encode(r));
  }
  return more;
}

}  // namespace consentry::app
