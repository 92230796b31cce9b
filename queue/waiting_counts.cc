#include "queue/waiting_counts.h"

#include "base/bytes.h"
#include "base/check.h"

namespace consentry::queue {
namespace {

constexpr std::size_t stream_bytes = 5;  // of a tenant and stream
constexpr std::size_t hour_bytes = 4;
// LMDB's keys end at 511 bytes; what two names share beyond that is counted as one.
constexpr std::size_t name_bytes_max = 400;

std::string stream_key(tenant_id tenant, smtp::stream s) {
  return byte_writer{}.be32(tenant.value).u8(static_cast<std::uint8_t>(s)).take();
}

std::string prefix_of(tenant_id tenant, std::optional<smtp::stream> stream) {
  if (!tenant) return {};
  return stream ? stream_key(tenant, *stream) : byte_writer{}.be32(tenant.value).take();
}

std::string cut(std::string_view name) {
  return std::string{name.substr(0, name_bytes_max)};
}

std::string campaign_key(const queued_message& m) {
  const auto hour = std::chrono::floor<std::chrono::hours>(m.accepted_at.time_since_epoch());
  return byte_writer{}
      .raw(stream_key(m.tenant, m.stream))
      .raw(cut(m.campaign))
      .be32(static_cast<std::uint32_t>(hour.count()))
      .take();
}

std::string encode(const queue_counts& c) {
  return byte_writer{}
      .u8(2)
      .varint(c.queued)
      .varint(c.held)
      .varint(c.messages)
      .varint(c.deferred)
      .take();
}

queue_counts decode_counts(std::string_view value) {
  byte_reader in{value};
  if (in.u8() != 2) throw decode_error("queue count of unknown version");
  queue_counts c;
  c.queued = in.varint();
  c.held = in.varint();
  c.messages = in.varint();
  c.deferred = in.varint();
  return c;
}

// A counter below zero means that the store lost track of itself.
void change(std::uint64_t& n, std::int64_t by) {
  CONSENTRY_CHECK(by >= 0 || n >= static_cast<std::uint64_t>(-by));
  n += static_cast<std::uint64_t>(by);
}

// LMDB takes no empty key.
bool go_to(cursor& at, std::string_view key) {
  return key.empty() ? at.first() : at.seek(key);
}

struct campaign_row {
  tenant_id tenant;
  smtp::stream stream = smtp::stream::bulk;
  std::string_view campaign;
  instant hour{};
};

campaign_row read_campaign_key(std::string_view key) {
  byte_reader in{key};
  campaign_row row;
  row.tenant.value = in.be32();
  row.stream = static_cast<smtp::stream>(in.u8());
  row.campaign = in.raw(key.size() - stream_bytes - hour_bytes);
  row.hour = instant{std::chrono::hours{in.be32()}};
  return row;
}

}  // namespace

queue_counts& queue_counts::operator+=(const queue_counts& other) noexcept {
  queued += other.queued;
  held += other.held;
  messages += other.messages;
  deferred += other.deferred;
  return *this;
}

void waiting_changes::recipient(const queued_message& m, const queued_recipient& r,
                                std::string_view domain, int by) {
  if (is_final(r.state)) return;
  const bool is_held = r.state == recipient_state::held;
  const auto add = [&](delta& d) {
    d.queued += is_held ? 0 : by;
    d.held += is_held ? by : 0;
    d.deferred += !is_held && r.attempts != 0 ? by : 0;
  };
  add(by_stream_[stream_key(m.tenant, m.stream)]);
  add(by_campaign_[campaign_key(m)]);
  add(by_domain_[byte_writer{}.raw(cut(domain)).u8(0).be32(m.tenant.value).take()]);
  if (is_held) by_reason_[stream_key(m.tenant, m.stream) + cut(r.reason)].held += by;
}

void waiting_changes::message(const queued_message& m, int by) {
  by_stream_[stream_key(m.tenant, m.stream)].messages += by;
  by_campaign_[campaign_key(m)].messages += by;
}

waiting_counts::waiting_counts(store_env& env)
    : by_stream_{env.open_table("queue_counts")},
      by_campaign_{env.open_table("queue_campaign_counts")},
      by_domain_{env.open_table("queue_domain_counts")},
      by_reason_{env.open_table("queue_held_counts")} {}

void waiting_counts::apply(write_txn& txn, const waiting_changes& changes) const {
  const auto apply_to = [&](table t, const std::map<std::string, waiting_changes::delta>& rows,
                            bool keeps_zero) {
    for (const auto& [key, d] : rows) {
      if (d.queued == 0 && d.held == 0 && d.messages == 0 && d.deferred == 0) continue;
      const auto stored = txn.get(t, key);
      auto c = stored ? decode_counts(*stored) : queue_counts{};
      change(c.queued, d.queued);
      change(c.held, d.held);
      change(c.messages, d.messages);
      change(c.deferred, d.deferred);
      if (c.is_zero() && !keeps_zero)
        txn.erase(t, key);
      else
        txn.put(t, key, encode(c));
    }
  };
  apply_to(by_stream_, changes.by_stream_, true);
  apply_to(by_campaign_, changes.by_campaign_, false);
  apply_to(by_domain_, changes.by_domain_, false);
  apply_to(by_reason_, changes.by_reason_, false);
}

queue_counts waiting_counts::of(const read_txn& txn, tenant_id tenant,
                                std::optional<smtp::stream> stream) const {
  const auto prefix = prefix_of(tenant, stream);
  queue_counts sum;
  auto at = txn.scan(by_stream_);
  for (bool ok = go_to(at, prefix); ok && at.key().starts_with(prefix); ok = at.next())
    if (!stream || at.key() == stream_key({byte_reader{at.key()}.be32()}, *stream))
      sum += decode_counts(at.value());
  return sum;
}

auto waiting_counts::by_campaign(const read_txn& txn, tenant_id tenant,
                                 std::optional<smtp::stream> stream,
                                 const std::optional<std::string>& campaign, std::string& resume,
                                 std::size_t limit) const -> std::vector<campaign_counts> {
  std::vector<campaign_counts> out;
  const auto prefix = prefix_of(tenant, stream);
  const auto from = std::exchange(resume, {});
  auto rows_left = rows_per_page;
  auto at = txn.scan(by_campaign_);
  for (bool ok = go_to(at, from.empty() ? prefix : from); ok; ok = at.next()) {
    if (!at.key().starts_with(prefix)) break;
    const auto row = read_campaign_key(at.key());
    const bool is_new = out.empty() || out.back().tenant != row.tenant ||
                        out.back().stream != row.stream || out.back().campaign != row.campaign;
    if (is_new && (rows_left == 0 || out.size() >= limit)) {
      resume = at.key();
      break;
    }
    if (rows_left != 0) --rows_left;
    if (stream && row.stream != *stream) continue;
    if (campaign && row.campaign != cut(*campaign)) continue;
    if (is_new)
      out.push_back({.tenant = row.tenant,
                     .stream = row.stream,
                     .campaign = std::string{row.campaign},
                     .waiting = {},
                     .oldest = row.hour});
    out.back().waiting += decode_counts(at.value());
  }
  return out;
}

auto waiting_counts::by_age(const read_txn& txn, tenant_id tenant,
                            std::optional<smtp::stream> stream,
                            const std::optional<std::string>& campaign) const -> ages {
  ages out;
  const auto prefix = prefix_of(tenant, stream);
  auto rows_left = rows_per_page;
  auto at = txn.scan(by_campaign_);
  for (bool ok = go_to(at, prefix); ok && at.key().starts_with(prefix); ok = at.next()) {
    if (rows_left-- == 0) {
      out.is_whole = false;
      break;
    }
    const auto row = read_campaign_key(at.key());
    if (stream && row.stream != *stream) continue;
    if (campaign && row.campaign != cut(*campaign)) continue;
    out.by_hour[row.hour] += decode_counts(at.value());
  }
  return out;
}

auto waiting_counts::by_domain(const read_txn& txn, tenant_id tenant, std::string& resume,
                               std::size_t limit) const -> std::vector<domain_counts> {
  std::vector<domain_counts> out;
  const auto from = std::exchange(resume, {});
  auto rows_left = rows_per_page;
  auto at = txn.scan(by_domain_);
  for (bool ok = go_to(at, from); ok; ok = at.next()) {
    const auto domain = at.key().substr(0, at.key().find('\0'));
    const bool is_new = out.empty() || out.back().domain != domain;
    if (is_new && (rows_left == 0 || out.size() >= limit)) {
      resume = at.key();
      break;
    }
    if (rows_left != 0) --rows_left;
    if (tenant && byte_reader{at.key().substr(domain.size() + 1)}.be32() != tenant.value) continue;
    if (is_new) out.push_back({.domain = std::string{domain}, .waiting = {}});
    out.back().waiting += decode_counts(at.value());
  }
  return out;
}

queue_counts waiting_counts::of_domain(const read_txn& txn, std::string_view domain,
                                       tenant_id tenant) const {
  const auto prefix = byte_writer{}.raw(cut(domain)).u8(0).take();
  queue_counts sum;
  auto at = txn.scan(by_domain_);
  for (bool ok = at.seek(prefix); ok && at.key().starts_with(prefix); ok = at.next())
    if (!tenant || byte_reader{at.key().substr(prefix.size())}.be32() == tenant.value)
      sum += decode_counts(at.value());
  return sum;
}

auto waiting_counts::by_reason(const read_txn& txn, tenant_id tenant, std::string& resume,
                               std::size_t limit) const -> std::vector<reason_counts> {
  std::vector<reason_counts> out;
  const auto prefix = prefix_of(tenant, {});
  const auto from = std::exchange(resume, {});
  auto at = txn.scan(by_reason_);
  for (bool ok = go_to(at, from.empty() ? prefix : from); ok; ok = at.next()) {
    if (!at.key().starts_with(prefix)) break;
    if (out.size() >= limit) {
      resume = at.key();
      break;
    }
    byte_reader in{at.key()};
    reason_counts row;
    row.tenant.value = in.be32();
    row.stream = static_cast<smtp::stream>(in.u8());
    row.reason = in.rest();
    row.held = decode_counts(at.value()).held;
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace consentry::queue
