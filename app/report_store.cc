#include "app/report_store.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/compression.h"

namespace consentry::app {
namespace {

constexpr std::uint8_t record_version = 1;
constexpr std::size_t rows_looked_at_max = 10'000;
constexpr std::array<std::pair<report_state, std::string_view>, 5> states{
    {{report_state::open, "open"},
     {report_state::counted, "counted"},
     {report_state::noted, "noted"},
     {report_state::confirmed, "confirmed"},
     {report_state::rejected, "rejected"}}};

std::string number_key(journal_seq n) {
  return byte_writer{}.be64(n.value).take();
}
std::string row_key(tenant_id tenant, journal_seq n) {
  return byte_writer{}.be32(tenant.value).be64(n.value).take();
}
std::string day_key(reputation::day_number day) {
  return byte_writer{}.be32(static_cast<std::uint32_t>(day)).take();
}

// The packed text stands last, so that its size is known without unpacking.
std::string encode(const report_record& r, std::string_view packed_raw) {
  byte_writer w;
  w.u8(record_version).u8(static_cast<std::uint8_t>(r.state)).zigzag(to_ms(r.at));
  w.text(r.type).text(r.channel).text(r.why).varint(r.recipient.value).varint(r.message.value);
  for (const auto* s : {&r.person, &r.campaign, &r.reporter, &r.dkim_domain, &r.from, &r.mail_from,
                        &r.remote_ip, &r.spf, &r.spf_why, &r.actor, &r.reason})
    w.text(*s);
  w.flag(r.decided_at.has_value());
  if (r.decided_at) w.zigzag(to_ms(*r.decided_at));
  w.varint(r.raw_in.value).text(packed_raw);
  return w.take();
}


report_record decode(std::string_view key, std::string_view bytes) {
  byte_reader k{key};
  report_record r;
  r.tenant = tenant_id{k.be32()};
  r.number = journal_seq{k.be64()};
  byte_reader in{bytes};
  if (in.u8() != record_version) throw decode_error("report of another record version");
  r.state = static_cast<report_state>(in.u8());
  r.at = from_ms(in.zigzag());
  r.type = in.text();
  r.channel = in.text();
  r.why = in.text();
  r.recipient = recipient_id{in.varint()};
  r.message = message_id{in.varint()};
  for (auto* s : {&r.person, &r.campaign, &r.reporter, &r.dkim_domain, &r.from, &r.mail_from,
                  &r.remote_ip, &r.spf, &r.spf_why, &r.actor, &r.reason})
    *s = in.text();
  if (in.flag()) r.decided_at = from_ms(in.zigzag());
  r.raw_in = journal_seq{in.varint()};
  r.raw = in.text();
  return r;
}

void unpack(report_record& r) {
  if (!r.raw.empty()) r.raw = unpacked(r.raw, report_store::raw_bytes_max);
}

}  // namespace

std::string_view name_of(report_state s) noexcept {
  for (const auto& [state, name] : states)
    if (state == s) return name;
  return "unknown";
}

std::optional<report_state> parse_report_state(std::string_view name) noexcept {
  for (const auto& [state, known] : states)
    if (known == name) return state;
  return std::nullopt;
}

report_store::report_store(store_env& env)
    : reports_{env.open_table("reports")},
      numbers_{env.open_table("report_numbers")},
      days_{env.open_table("report_days")} {}

report_store::totals report_store::read_totals(const read_txn& txn) const {
  const auto bytes = txn.get(numbers_, number_key({}));
  if (!bytes) return {};
  byte_reader in{*bytes};
  totals t;
  t.rows = in.varint();
  t.raw_bytes = in.varint();
  return t;
}

namespace {

// What a row adds to the totals; nullopt: there is no such row.
std::optional<std::uint64_t> raw_bytes_of(const std::optional<std::string_view>& row) {
  if (!row) return std::nullopt;
  return decode(std::string(12, '\0'), *row).raw.size();
}

}  // namespace

bool report_store::put(write_txn& txn, const report_record& r) const {
  auto sums = read_totals(txn);
  if (const auto was = txn.get(numbers_, number_key(r.number))) {
    const auto old = row_key(tenant_id{byte_reader{*was}.be32()}, r.number);
    if (const auto bytes = raw_bytes_of(txn.get(reports_, old))) {
      sums.raw_bytes -= std::min(sums.raw_bytes, *bytes);
      sums.rows -= std::min<std::uint64_t>(sums.rows, 1);
      txn.erase(reports_, old);
    }
  } else if (sums.rows >= rows_max) {
    return false;
  }
  auto raw = packed(std::string_view{r.raw}.substr(0, raw_bytes_max));
  if (r.raw.empty() || sums.raw_bytes + raw.size() > raw_total_max) raw.clear();
  ++sums.rows;
  sums.raw_bytes += raw.size();
  txn.put(reports_, row_key(r.tenant, r.number), encode(r, raw));
  txn.put(numbers_, number_key(r.number),
          byte_writer{}.be32(r.tenant.value).flag(r.state == report_state::open).bytes());
  txn.put(numbers_, number_key({}), byte_writer{}.varint(sums.rows).varint(sums.raw_bytes).bytes());
  return true;
}

std::optional<report_record> report_store::find(const read_txn& txn, journal_seq number) const {
  if (!number) return std::nullopt;
  const auto where = txn.get(numbers_, number_key(number));
  if (!where) return std::nullopt;
  const auto key = row_key(tenant_id{byte_reader{*where}.be32()}, number);
  const auto bytes = txn.get(reports_, key);
  if (!bytes) return std::nullopt;
  auto r = decode(key, *bytes);
  unpack(r);
  return r;
}

std::vector<report_record> report_store::list(const read_txn& txn, const filter& which,
                                              journal_seq before, std::size_t limit,
                                              journal_seq& next) const {
  next = {};
  std::vector<report_record> out;
  auto c = txn.scan(numbers_);
  std::size_t looked_at = 0;
  bool more = before ? c.seek_last(number_key({before.value - 1})) : c.last();
  for (; more; more = c.previous()) {
    const journal_seq number{byte_reader{c.key()}.be64()};
    if (!number) break;
    if (out.size() == limit || ++looked_at > rows_looked_at_max) {
      next = {number.value + 1};
      break;
    }
    byte_reader in{c.value()};
    const tenant_id tenant{in.be32()};
    const bool is_open = in.flag();
    if (which.tenant && *which.tenant != tenant) continue;
    if (which.state && (*which.state == report_state::open) != is_open) continue;
    const auto key = row_key(tenant, number);
    const auto bytes = txn.get(reports_, key);
    if (!bytes) continue;  // its tenant is gone
    auto r = decode(key, *bytes);
    r.raw.clear();
    if (!which.state || r.state == *which.state) out.push_back(std::move(r));
  }
  return out;
}

std::vector<report_record> report_store::of_tenant(const read_txn& txn, tenant_id tenant,
                                                   journal_seq after, std::size_t limit) const {
  std::vector<report_record> out;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  auto c = txn.scan(reports_);
  for (bool more = c.seek(row_key(tenant, {after.value + 1}));
       more && c.key().starts_with(prefix) && out.size() < limit; more = c.next()) {
    out.push_back(decode(c.key(), c.value()));
    unpack(out.back());
  }
  return out;
}

void report_store::erase(write_txn& txn, journal_seq number) const {
  const auto where = txn.get(numbers_, number_key(number));
  if (!where) return;
  const auto key = row_key(tenant_id{byte_reader{*where}.be32()}, number);
  auto sums = read_totals(txn);
  // A row that went with its tenant counts as long as its number stands.
  const auto bytes = raw_bytes_of(txn.get(reports_, key)).value_or(0);
  sums.raw_bytes -= std::min(sums.raw_bytes, bytes);
  sums.rows -= std::min<std::uint64_t>(sums.rows, 1);
  txn.erase(reports_, key);
  txn.erase(numbers_, number_key(number));
  txn.put(numbers_, number_key({}), byte_writer{}.varint(sums.rows).varint(sums.raw_bytes).bytes());
}

bool report_store::trim(write_txn& txn, instant before, std::size_t rows) const {
  std::vector<journal_seq> gone;
  {
    auto c = txn.scan(numbers_);
    for (bool more = c.seek(number_key({1})); more && gone.size() < rows; more = c.next()) {
      const journal_seq number{byte_reader{c.key()}.be64()};
      const auto key = row_key(tenant_id{byte_reader{c.value()}.be32()}, number);
      const auto bytes = txn.get(reports_, key);
      // Without a row: its tenant is gone.
      if (bytes && decode(key, *bytes).at >= before) break;
      gone.push_back(number);
    }
  }
  for (const auto n : gone) erase(txn, n);
  return gone.size() == rows;
}

report_day report_store::day(const read_txn& txn, reputation::day_number day) const {
  const auto bytes = txn.get(days_, day_key(day));
  if (!bytes) return {};
  byte_reader in{*bytes};
  if (in.u8() != record_version) throw decode_error("report day of another record version");
  report_day d;
  d.reports = in.varint();
  d.unattributed = in.varint();
  d.counted = in.varint();
  d.is_alarmed = in.flag();
  return d;
}

void report_store::put_day(write_txn& txn, reputation::day_number day, const report_day& d) const {
  txn.put(days_, day_key(day), byte_writer{}
                                   .u8(record_version)
                                   .varint(d.reports)
                                   .varint(d.unattributed)
                                   .varint(d.counted)
                                   .flag(d.is_alarmed)
                                   .bytes());
}

}  // namespace consentry::app
