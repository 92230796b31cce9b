#include "app/report_store.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/compression.h"

namespace consentry::app {
namespace {

constexpr std::uint8_t record_version = 1;
constexpr std::size_t digest_bytes = 16;
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

std::string encode(const report_record& r, bool with_mail) {
  byte_writer w;
  w.u8(record_version).u8(static_cast<std::uint8_t>(r.state)).zigzag(to_ms(r.at));
  w.text(r.type).text(r.channel).text(r.why).varint(r.recipient.value).varint(r.message.value);
  for (const auto* s : {&r.person, &r.campaign, &r.reporter, &r.dkim_domain, &r.from, &r.mail_from,
                        &r.remote_ip, &r.spf, &r.spf_why, &r.actor, &r.reason})
    w.text(*s);
  w.flag(r.decided_at.has_value());
  if (r.decided_at) w.zigzag(to_ms(*r.decided_at));
  w.varint(r.raw_in.value).text(r.signatures);
  w.text(with_mail ? std::string_view{r.packed_raw} : std::string_view{});
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
  r.signatures = in.text();
  r.packed_raw = in.text();
  return r;
}

}  // namespace

std::string packed_report(std::string_view mail) {
  return packed(mail.substr(0, report_raw_bytes_max));
}

std::string report_record::raw() const {
  return packed_raw.empty() ? std::string{} : unpacked(packed_raw, report_raw_bytes_max);
}

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
      signatures_{env.open_table("report_signatures")},
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

// The value of report_numbers: be32 tenant, u8 open, varint octets of the mail that are kept,
// digest(16)*. It outlives the row of a tenant that was removed.
struct numbered {
  tenant_id tenant;
  bool is_open = false;
  std::uint64_t kept = 0;
  std::string signatures;
};

numbered decode_numbered(std::string_view bytes) {
  byte_reader in{bytes};
  numbered n;
  n.tenant = tenant_id{in.be32()};
  n.is_open = in.flag();
  n.kept = in.varint();
  n.signatures = in.rest();
  return n;
}

template <class Totals>
void take_out(Totals& sums, const numbered& n) {
  sums.rows -= std::min<std::uint64_t>(sums.rows, 1);
  sums.raw_bytes -= std::min(sums.raw_bytes, n.kept);
}

template <class Totals>
std::string encode(const Totals& sums) {
  return byte_writer{}.varint(sums.rows).varint(sums.raw_bytes).take();
}

template <class F>
void each_digest(std::string_view signatures, F f) {
  for (; signatures.size() >= digest_bytes; signatures.remove_prefix(digest_bytes))
    f(signatures.substr(0, digest_bytes));
}

}  // namespace

bool report_store::put(write_txn& txn, const report_record& r) const {
  auto sums = read_totals(txn);
  if (const auto was = txn.get(numbers_, number_key(r.number))) {
    const auto old = decode_numbered(*was);
    take_out(sums, old);
    txn.erase(reports_, row_key(old.tenant, r.number));
  } else if (sums.rows >= rows_max) {
    return false;
  }
  const bool with_mail = sums.raw_bytes + r.packed_raw.size() <= raw_total_max;
  const auto kept = with_mail ? r.packed_raw.size() : 0;
  ++sums.rows;
  sums.raw_bytes += kept;
  txn.put(reports_, row_key(r.tenant, r.number), encode(r, with_mail));
  txn.put(numbers_, number_key(r.number),
          byte_writer{}
              .be32(r.tenant.value)
              .flag(r.state == report_state::open)
              .varint(kept)
              .raw(r.signatures)
              .bytes());
  each_digest(r.signatures, [&](std::string_view digest) {
    if (!txn.get(signatures_, digest)) txn.put(signatures_, digest, number_key(r.number));
  });
  txn.put(numbers_, number_key({}), encode(sums));
  return true;
}

bool report_store::is_replayed(const read_txn& txn, std::string_view signatures) const {
  bool found = false;
  each_digest(signatures,
              [&](std::string_view digest) { found = found || txn.get(signatures_, digest); });
  return found;
}

std::optional<report_record> report_store::find(const read_txn& txn, journal_seq number) const {
  if (!number) return std::nullopt;
  const auto where = txn.get(numbers_, number_key(number));
  if (!where) return std::nullopt;
  const auto key = row_key(decode_numbered(*where).tenant, number);
  const auto bytes = txn.get(reports_, key);
  if (!bytes) return std::nullopt;
  return decode(key, *bytes);
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
    const auto at = decode_numbered(c.value());
    if (which.tenant && *which.tenant != at.tenant) continue;
    if (which.state && (*which.state == report_state::open) != at.is_open) continue;
    const auto key = row_key(at.tenant, number);
    const auto bytes = txn.get(reports_, key);
    if (!bytes) continue;  // its tenant is gone
    auto r = decode(key, *bytes);
    r.packed_raw.clear();
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
       more && c.key().starts_with(prefix) && out.size() < limit; more = c.next())
    out.push_back(decode(c.key(), c.value()));
  return out;
}

void report_store::erase(write_txn& txn, journal_seq number) const {
  const auto where = txn.get(numbers_, number_key(number));
  if (!where) return;
  const auto old = decode_numbered(*where);
  auto sums = read_totals(txn);
  take_out(sums, old);
  each_digest(old.signatures, [&](std::string_view digest) {
    const auto of = txn.get(signatures_, digest);
    if (of && *of == number_key(number)) txn.erase(signatures_, digest);
  });
  txn.erase(reports_, row_key(old.tenant, number));
  txn.erase(numbers_, number_key(number));
  txn.put(numbers_, number_key({}), encode(sums));
}

bool report_store::trim(write_txn& txn, instant before, std::size_t rows) const {
  std::vector<journal_seq> gone;
  {
    auto c = txn.scan(numbers_);
    for (bool more = c.seek(number_key({1})); more && gone.size() < rows; more = c.next()) {
      const journal_seq number{byte_reader{c.key()}.be64()};
      const auto key = row_key(decode_numbered(c.value()).tenant, number);
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
  txn.put(days_, day_key(day),
          byte_writer{}
              .u8(record_version)
              .varint(d.reports)
              .varint(d.unattributed)
              .varint(d.counted)
              .flag(d.is_alarmed)
              .bytes());
}

}  // namespace consentry::app
