#include "app/desk_sample_store.h"

#include "base/bytes.h"

namespace consentry::app {
namespace {

constexpr std::uint8_t record_version = 1;

std::string key_of(tenant_id tenant, std::string_view fingerprint) {
  return byte_writer{}.be32(tenant.value).raw(fingerprint).take();
}

desk_sample decode_desk_sample(std::string_view key, std::string_view bytes) {
  byte_reader k{key};
  desk_sample s;
  s.tenant = tenant_id{k.be32()};
  s.fingerprint = k.rest();
  byte_reader in{bytes};
  if (in.u8() != record_version) throw decode_error("sample of another record version");
  s.message = message_id{in.varint()};
  s.at = from_ms(in.zigzag());
  s.label = in.text();
  s.actor = in.text();
  s.reason = in.text();
  s.policy_version = in.text();
  s.mail = in.text();
  return s;
}

}  // namespace

desk_sample_store::desk_sample_store(store_env& env) : samples_{env.open_table("desk_samples")} {}

void desk_sample_store::put(write_txn& txn, const desk_sample& s) const {
  byte_writer w;
  w.u8(record_version).varint(s.message.value).zigzag(to_ms(s.at)).text(s.label).text(s.actor);
  w.text(s.reason).text(s.policy_version).text(s.mail);
  txn.put(samples_, key_of(s.tenant, s.fingerprint), w.bytes());
}

bool desk_sample_store::erase(write_txn& txn, tenant_id tenant,
                              std::string_view fingerprint) const {
  return txn.erase(samples_, key_of(tenant, fingerprint));
}

std::vector<desk_sample> desk_sample_store::page(const read_txn& txn, desk_sample_place& place,
                                                 std::size_t limit) const {
  std::vector<desk_sample> out;
  auto c = txn.scan(samples_);
  bool more = place.empty() ? c.first() : c.seek(place);
  if (more && c.key() == place) more = c.next();
  for (; more && out.size() < limit; more = c.next()) {
    out.push_back(decode_desk_sample(c.key(), c.value()));
    place = c.key();
  }
  if (!more) place.clear();
  return out;
}

std::vector<desk_sample> desk_sample_store::of_tenant(const read_txn& txn, tenant_id tenant) const {
  const auto prefix = key_of(tenant, {});
  std::vector<desk_sample> out;
  auto c = txn.scan(samples_);
  for (bool more = c.seek(prefix); more && c.key().starts_with(prefix); more = c.next())
    out.push_back(decode_desk_sample(c.key(), c.value()));
  return out;
}

}  // namespace consentry::app
