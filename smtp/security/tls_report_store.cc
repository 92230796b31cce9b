#include "smtp/security/tls_report_store.h"

#include "base/bytes.h"

namespace consentry::smtp::security {
namespace {

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;

std::string key_of(utc_day day, std::string_view domain) {
  return byte_writer{}.be32(day).raw(domain).take();
}

}  // namespace

utc_day day_of(instant t) noexcept {
  return static_cast<utc_day>(to_ms(t) / day_ms);
}

instant start_of(utc_day day) noexcept {
  return from_ms(static_cast<std::int64_t>(day) * day_ms);
}

tls_report_store::tls_report_store(store_env& env) : rows_{env.open_table("tls_days")} {}

void tls_report_store::add(write_txn& txn, utc_day day, std::string_view domain,
                           const tls_day& more) const {
  auto all = find(txn, day, domain).value_or(tls_day{});
  all.add(more);
  txn.put(rows_, key_of(day, domain), encode(all));
}

std::optional<tls_day> tls_report_store::find(const read_txn& txn, utc_day day,
                                              std::string_view domain) const {
  const auto bytes = txn.get(rows_, key_of(day, domain));
  if (!bytes) return std::nullopt;
  return decode_tls_day(*bytes);
}

void tls_report_store::erase(write_txn& txn, utc_day day, std::string_view domain) const {
  txn.erase(rows_, key_of(day, domain));
}

auto tls_report_store::past(const read_txn& txn, utc_day before, const row& after,
                            std::size_t limit) const -> std::vector<row> {
  std::vector<row> out;
  const auto from = key_of(after.day, after.domain);
  auto c = txn.scan(rows_);
  for (bool ok = c.seek(from); ok && out.size() < limit; ok = c.next()) {
    if (c.key() == from) continue;
    byte_reader key{c.key()};
    const auto day = key.be32();
    if (day >= before) break;
    out.push_back({day, std::string{key.rest()}});
  }
  return out;
}

}  // namespace consentry::smtp::security
