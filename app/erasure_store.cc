#include "app/erasure_store.h"

#include <vector>

#include "base/bytes.h"
#include "base/check.h"

namespace consentry::app {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t person_bytes = 16;
constexpr std::size_t key_bytes = 4 + person_bytes;
constexpr std::string_view runs_key = "erasure_runs";
// Stored: never renumber.
constexpr std::uint8_t stage_at_work = 0, stage_complete = 1;

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

struct pending_row {
  std::string key;  // in erasures_
  instant at{};
  bool is_complete = true;
  std::uint64_t run = 0;
  std::string address, name, method;
};

pending_row decode_pending(std::string_view bytes) {
  byte_reader in{bytes};
  pending_row r;
  r.key = in.raw(key_bytes);
  r.at = from_ms(in.zigzag());
  if (in.at_end()) return r;  // of a version that wrote complete ones only
  r.is_complete = in.u8() == stage_complete;
  r.run = in.varint();
  if (r.is_complete) return r;
  r.address = in.text();
  r.name = in.text();
  r.method = in.text();
  return r;
}

std::string pending_key(const erasure_record& r, std::string_view key) {
  return byte_writer{}.be64(r.entry.value).raw(key).take();
}

}  // namespace

erasure_store::erasure_store(store_env& env)
    : erasures_{env.open_table("erasures")},
      pending_{env.open_table("erasures_pending")},
      meta_{env.open_table("meta")} {}

void erasure_store::note(write_txn& txn, tenant_id tenant, std::string_view person,
                         const erasure_record& r, std::string_view rest) const {
  const auto key = key_of(tenant, person);
  // Erased anew: one row speaks of both.
  if (const auto before = find(txn, tenant, person)) txn.erase(pending_, pending_key(*before, key));
  txn.put(erasures_, key, encode(r));
  txn.put(pending_, pending_key(r, key),
          byte_writer{}.raw(key).zigzag(to_ms(r.at)).raw(rest).bytes());
}

void erasure_store::put(write_txn& txn, tenant_id tenant, std::string_view person,
                        const erasure_record& r) const {
  note(txn, tenant, person, r, byte_writer{}.u8(stage_complete).varint(runs(txn)).bytes());
}

void erasure_store::begin(write_txn& txn, const erasure_at_work& e) const {
  note(txn, e.tenant, e.person, e.record,
       byte_writer{}
           .u8(stage_at_work)
           .varint(runs(txn))
           .text(e.address)
           .text(e.name)
           .text(e.method)
           .bytes());
}

void erasure_store::complete(write_txn& txn, tenant_id tenant, std::string_view person) const {
  if (const auto r = find(txn, tenant, person)) put(txn, tenant, person, *r);
}

std::vector<erasure_at_work> erasure_store::at_work(const read_txn& txn, instant before,
                                                    std::size_t rows) const {
  std::vector<erasure_at_work> out;
  auto c = txn.scan(pending_);
  for (bool ok = c.first(); ok && out.size() < rows; ok = c.next()) {
    const auto row = decode_pending(c.value());
    if (row.is_complete || row.at >= before) continue;
    byte_reader key{row.key};
    const tenant_id tenant{key.be32()};
    std::string person{key.raw(person_bytes)};
    auto record = find(txn, tenant, person);
    if (!record) continue;  // went with its tenant
    out.push_back({.tenant = tenant,
                   .person = std::move(person),
                   .address = row.address,
                   .name = row.name,
                   .method = row.method,
                   .record = std::move(*record)});
  }
  return out;
}

std::optional<erasure_record> erasure_store::find(const read_txn& txn, tenant_id tenant,
                                                  std::string_view person) const {
  const auto bytes = txn.get(erasures_, key_of(tenant, person));
  return bytes ? std::optional{decode_erasure(*bytes)} : std::nullopt;
}

pending_erasures erasure_store::pending(const read_txn& txn) const {
  pending_erasures out{.count = txn.entries(pending_)};
  auto c = txn.scan(pending_);
  for (bool ok = c.first(); ok; ok = c.next()) {
    const auto row = decode_pending(c.value());
    auto& oldest = row.is_complete ? out.oldest : out.oldest_at_work;
    if (!oldest || row.at < *oldest) oldest = row.at;
  }
  return out;
}

std::uint64_t erasure_store::runs(const read_txn& txn) const {
  const auto bytes = txn.get(meta_, runs_key);
  return bytes ? byte_reader{*bytes}.varint() : 0;
}

std::uint64_t erasure_store::begin_run(write_txn& txn) const {
  const auto run = runs(txn) + 1;
  txn.put(meta_, runs_key, byte_writer{}.varint(run).bytes());
  return run;
}

bool erasure_store::settle(write_txn& txn, std::uint64_t run, instant now, std::size_t rows) const {
  std::vector<std::pair<std::string, std::string>> done;  // key in pending_, key in erasures_
  bool more = false;
  {
    auto c = txn.scan(pending_);
    for (bool ok = c.first(); ok && !more; ok = c.next()) {
      auto row = decode_pending(c.value());
      const bool went_with_tenant = !txn.get(erasures_, row.key);
      if (!went_with_tenant && (!row.is_complete || row.run >= run)) continue;
      more = done.size() == rows;
      if (!more) done.emplace_back(c.key(), std::move(row.key));
    }
  }
  for (const auto& [at, key] : done) {
    txn.erase(pending_, at);
    const auto bytes = txn.get(erasures_, key);
    if (!bytes) continue;
    auto r = decode_erasure(*bytes);
    r.gone_at = now;
    txn.put(erasures_, key, encode(r));
  }
  return more;
}

}  // namespace consentry::app
