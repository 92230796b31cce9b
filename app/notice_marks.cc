#include "app/notice_marks.h"

#include "base/bytes.h"
#include "base/secret.h"

namespace consentry::app {
namespace {

std::string position_key() {
  return byte_writer{}.be32(0).take();
}

std::uint64_t number_of(instant at) {
  return static_cast<std::uint64_t>(to_ms(at));
}

instant instant_of(std::uint64_t ms) {
  return from_ms(static_cast<std::int64_t>(ms));
}

std::string number(std::uint64_t n) {
  return byte_writer{}.be64(n).take();
}

}  // namespace

notice_marks::notice_marks(store_env& env)
    : marks_{env.open_table("tenant_notices")}, owed_{env.open_table("owed_notices")} {}

std::string notice_marks::key_of(tenant_id tenant, std::string_view matter) {
  const auto digest = sha256(matter);
  return byte_writer{}.be32(tenant.value).raw(as_bytes(digest).substr(0, 16)).take();
}

journal_seq notice_marks::next(const read_txn& txn) const {
  const auto bytes = txn.get(marks_, position_key());
  return {bytes ? byte_reader{*bytes}.be64() : 1};
}

void notice_marks::set_next(write_txn& txn, journal_seq seq) const {
  txn.put(marks_, position_key(), number(seq.value));
}

std::optional<instant> notice_marks::told(const read_txn& txn, std::string_view key) const {
  const auto bytes = txn.get(marks_, key);
  if (!bytes) return std::nullopt;
  return instant_of(byte_reader{*bytes}.be64());
}

void notice_marks::set_told(write_txn& txn, std::string_view key, instant at) const {
  txn.put(marks_, key, number(number_of(at)));
}

bool notice_marks::is_owed(const read_txn& txn, std::string_view key) const {
  return txn.get(owed_, key).has_value();
}

void notice_marks::owe(write_txn& txn, std::string_view key, const owed_notice& n) const {
  txn.put(owed_, key, byte_writer{}.be64(n.seq.value).be64(number_of(n.due)).take());
}

void notice_marks::settle(write_txn& txn, std::string_view key) const {
  txn.erase(owed_, key);
}

std::vector<std::pair<std::string, owed_notice>> notice_marks::due(const read_txn& txn, instant now,
                                                                   std::size_t limit) const {
  std::vector<std::pair<std::string, owed_notice>> out;
  for (auto c = txn.scan(owed_); out.size() < limit && c.next();) {
    byte_reader in{c.value()};
    owed_notice n{.seq = {in.be64()}};
    n.due = instant_of(in.be64());
    if (n.due <= now) out.emplace_back(c.key(), n);
  }
  return out;
}

}  // namespace consentry::app
