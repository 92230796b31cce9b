#include "app/policy_store.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/secret.h"

namespace consentry::app {
namespace {

constexpr std::uint8_t record_version = 1;
constexpr std::string_view seen_key = "policy_seen";

std::string encode(const policy_version& v) {
  byte_writer w;
  w.u8(record_version).text(v.version).zigzag(to_ms(v.at)).text(v.author).text(v.reason);
  w.text(v.previous).varint(v.files.size());
  for (const auto& [name, digest] : v.files) w.text(name).text(digest);
  return w.take();
}

policy_version decode_policy_version(std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != record_version) throw decode_error("policy of another record version");
  policy_version v;
  v.version = in.text();
  v.at = from_ms(in.zigzag());
  v.author = in.text();
  v.reason = in.text();
  v.previous = in.text();
  for (auto n = in.varint(); n > 0; --n) {
    const std::string name{in.text()};
    v.files[name] = in.text();
  }
  return v;
}

std::string encode(const policy_activation& a) {
  byte_writer w;
  w.u8(record_version).zigzag(to_ms(a.at)).text(a.version).text(a.previous);
  w.text(a.actor).text(a.reason).u8(static_cast<std::uint8_t>(a.kind));
  return w.take();
}

policy_activation decode_activation(std::string_view key, std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != record_version) throw decode_error("activation of another record version");
  policy_activation a;
  a.number = byte_reader{key}.be64();
  a.at = from_ms(in.zigzag());
  a.version = in.text();
  a.previous = in.text();
  a.actor = in.text();
  a.reason = in.text();
  a.kind = static_cast<activation_kind>(in.u8());
  return a;
}

}  // namespace

std::string_view name_of(activation_kind k) noexcept {
  switch (k) {
    case activation_kind::activated:
      return "activated";
    case activation_kind::rolled_back:
      return "rolled-back";
    case activation_kind::files_read:
      return "files-read";
  }
  return "unknown";
}

policy_store::policy_store(store_env& env)
    : files_{env.open_table("policy_files")},
      versions_{env.open_table("policy_versions")},
      history_{env.open_table("policy_history")},
      meta_{env.open_table("meta")} {}

bool policy_store::add(write_txn& txn, const policy_version& v, const policy_bundle& files) const {
  if (txn.get(versions_, v.version)) return false;
  policy_version row = v;
  row.files.clear();
  for (const auto& [name, f] : files.files) {
    const std::string digest{as_bytes(sha256(f.text))};
    if (!txn.get(files_, digest)) txn.put(files_, digest, f.text);
    row.files[name] = digest;
  }
  txn.put(versions_, v.version, encode(row));
  return true;
}

std::optional<policy_version> policy_store::find(const read_txn& txn,
                                                 std::string_view version) const {
  const auto row = txn.get(versions_, version);
  if (!row) return std::nullopt;
  return decode_policy_version(*row);
}

std::vector<policy_version> policy_store::versions(const read_txn& txn) const {
  std::vector<policy_version> out;
  auto c = txn.scan(versions_);
  for (bool more = c.first(); more; more = c.next())
    out.push_back(decode_policy_version(c.value()));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.at > b.at; });
  return out;
}

policy_bundle policy_store::files_of(const read_txn& txn, const policy_version& v) const {
  policy_bundle out;
  for (const auto& [name, digest] : v.files) {
    const auto text = txn.get(files_, digest);
    if (!text) throw decode_error("policy " + v.version + ": " + name + " is missing");
    out.files[name] = {v.version + "/" + name, std::string{*text}};
  }
  return out;
}

std::uint64_t policy_store::note(write_txn& txn, policy_activation a) const {
  const auto last = in_force(txn);
  a.number = last ? last->number + 1 : 1;
  txn.append(history_, byte_writer{}.be64(a.number).take(), encode(a));
  return a.number;
}

std::optional<policy_activation> policy_store::in_force(const read_txn& txn) const {
  auto c = txn.scan(history_);
  if (!c.last()) return std::nullopt;
  return decode_activation(c.key(), c.value());
}

std::vector<policy_activation> policy_store::history(const read_txn& txn, std::uint64_t before,
                                                     std::size_t limit) const {
  std::vector<policy_activation> out;
  auto c = txn.scan(history_);
  bool more = before == 0 ? c.last() : c.seek_last(byte_writer{}.be64(before - 1).take());
  for (; more && out.size() < limit; more = c.previous())
    out.push_back(decode_activation(c.key(), c.value()));
  return out;
}

std::string policy_store::seen(const read_txn& txn) const {
  return std::string{txn.get(meta_, seen_key).value_or("")};
}

void policy_store::set_seen(write_txn& txn, std::string_view version) const {
  txn.put(meta_, seen_key, version);
}

}  // namespace consentry::app
