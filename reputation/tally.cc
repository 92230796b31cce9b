#include "reputation/tally.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/secret.h"

namespace consentry::reputation {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t campaign_bytes_max = 200;

std::string recipient_key(recipient_id id) {
  return byte_writer{}.be64(id.value).take();
}

// Keys of the store are short: a longer name is told apart by its digest.
std::string campaign_key(std::string_view campaign) {
  if (campaign.size() <= campaign_bytes_max) return std::string{campaign};
  const auto digest = sha256(campaign);
  return std::string{campaign.substr(0, campaign_bytes_max - 32)} + std::string{as_bytes(digest)};
}

std::string epoch_prefix(tenant_id tenant, std::uint32_t epoch) {
  return byte_writer{}.be32(tenant.value).be32(epoch).take();
}
std::string campaign_row(tenant_id tenant, std::uint32_t epoch, std::string_view campaign) {
  return epoch_prefix(tenant, epoch) + campaign_key(campaign);
}
std::string day_row(tenant_id tenant, std::uint32_t epoch, day_number day) {
  return byte_writer{}
      .raw(epoch_prefix(tenant, epoch))
      .be32(static_cast<std::uint32_t>(day))
      .take();
}

std::string provider_row(const sent_record& r) {
  return day_row(r.tenant, r.epoch, r.send_day) +
         r.provider.substr(0, std::min(r.provider.size(), campaign_bytes_max));
}

// All complaints of one person in one campaign begin with this.
std::string group_of(const sent_record& r) {
  const auto campaign = campaign_key(r.campaign);
  return byte_writer{}
      .raw(epoch_prefix(r.tenant, r.epoch))
      .u8(static_cast<std::uint8_t>(campaign.size()))
      .raw(campaign)
      .raw(r.person)
      .take();
}

std::string encode_count(const complaint_count& c) {
  return byte_writer{}.u8(version).varint(c.delivered).varint(c.complaints).take();
}

complaint_count decode_count(std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("tally: unknown version");
  complaint_count c;
  c.delivered = in.varint();
  c.complaints = in.varint();
  if (!in.at_end()) throw decode_error("tally: bytes behind it");
  return c;
}

complaint_count count_at(const read_txn& txn, table t, std::string_view row) {
  const auto bytes = txn.get(t, row);
  return bytes ? decode_count(*bytes) : complaint_count{};
}

std::uint64_t moved(std::uint64_t n, int by) {
  const auto result = static_cast<std::int64_t>(n) + by;
  if (result < 0) throw decode_error("tally: a count below zero");
  return static_cast<std::uint64_t>(result);
}

void move_row(write_txn& txn, table t, const std::string& row, int delivered, int complaints) {
  auto c = count_at(txn, t, row);
  c = {moved(c.delivered, delivered), moved(c.complaints, complaints)};
  if (c == complaint_count{})
    txn.erase(t, row);
  else
    txn.put(t, row, encode_count(c));
}

bool counts_as_delivered(const sent_record& r) {
  return r.delivered && r.stream == smtp::stream::bulk;
}

void merge_delivery(sent_record& r, const delivery_facts& d) {
  // A delivery told twice happened once, at the earlier time.
  if (r.delivered && std::tie(r.delivered_at, r.epoch) <= std::tie(d.at, d.epoch)) return;
  r.delivered = true;
  r.tenant = d.tenant;
  r.epoch = d.epoch;
  r.message = d.message;
  r.stream = d.stream;
  r.campaign = d.campaign;
  r.topic = d.topic;
  r.person = d.person;
  r.delivered_at = d.at;
  r.send_day = day_of(d.at);
  r.provider = d.provider;
}

void merge_complaint(sent_record& r, instant at) {
  const auto it = std::ranges::lower_bound(r.complaints, at);
  if (it != r.complaints.end() && *it == at) return;
  r.complaints.insert(it, at);
  if (r.complaints.size() > complaints_kept_max) r.complaints.pop_back();
}

}  // namespace

std::string_view to_string(complaint_effect e) noexcept {
  switch (e) {
    case complaint_effect::counted:
      return "counted";
    case complaint_effect::duplicate:
      return "duplicate";
    case complaint_effect::not_sent:
      return "not_sent";
    case complaint_effect::not_bulk:
      return "not_bulk";
    case complaint_effect::too_old:
      return "too_old";
    case complaint_effect::reversed:
      return "reversed";
  }
  return "unknown";
}

tally::tally(store_env& env, int complaint_max_age_days)
    : max_age_days_{complaint_max_age_days},
      sent_{env.open_table("sent")},
      complaints_{env.open_table("complaints")},
      campaign_tallies_{env.open_table("campaign_tallies")},
      day_tallies_{env.open_table("day_tallies")},
      provider_tallies_{env.open_table("provider_tallies")} {}

std::vector<tally::sum_row> tally::sums(const read_txn& txn, tenant_id tenant, bool by_day,
                                        std::size_t rows, std::string& resume) const {
  std::vector<sum_row> out;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  const auto from = std::exchange(resume, {});
  auto at = txn.scan(by_day ? day_tallies_ : campaign_tallies_);
  for (bool ok = at.seek(from.empty() ? prefix : from); ok && at.key().starts_with(prefix);
       ok = at.next()) {
    if (rows-- == 0) {
      resume = at.key();
      break;
    }
    byte_reader in{at.key().substr(prefix.size())};
    sum_row row{.by_day = by_day, .epoch = in.be32(), .count = decode_count(at.value())};
    row.label = by_day ? consentry::to_string(to_date(static_cast<day_number>(in.be32())))
                       : std::string{in.rest()};
    out.push_back(std::move(row));
  }
  return out;
}

void tally::restore(write_txn& txn, tenant_id tenant, const sum_row& row) const {
  if (!row.by_day) {
    txn.put(campaign_tallies_, epoch_prefix(tenant, row.epoch) + row.label,
            encode_count(row.count));
    return;
  }
  const auto day = parse_date(row.label);
  CONSENTRY_CHECK(day.has_value());
  txn.put(day_tallies_, day_row(tenant, row.epoch, day_of(*day)), encode_count(row.count));
}

std::vector<recipient_id> tally::sent_of(const read_txn& txn, tenant_id tenant,
                                         const std::string& resume, std::size_t rows,
                                         std::size_t limit, std::string& next) const {
  std::vector<recipient_id> out;
  next.clear();
  auto at = txn.scan(sent_);
  for (bool ok = resume.empty() ? at.first() : at.seek(resume); ok; ok = at.next()) {
    if (rows-- == 0 || out.size() >= limit) {
      next = at.key();
      return out;
    }
    if (decode_sent_record(at.value()).tenant == tenant)
      out.push_back({byte_reader{at.key()}.be64()});
  }
  return out;
}

std::size_t tally::forget(write_txn& txn, recipient_id recipient) const {
  return txn.erase(sent_, recipient_key(recipient)) ? 1 : 0;
}

std::optional<sent_record> tally::find(const read_txn& txn, recipient_id recipient) const {
  const auto bytes = txn.get(sent_, recipient_key(recipient));
  if (!bytes) return std::nullopt;
  return decode_sent_record(*bytes);
}

bool tally::stands(const sent_record& r) const {
  return has_standing_complaint(r, max_age_days_);
}

// The record whose cohorts carry the one complaint of this person in this campaign: that of the
// lowest recipient number, so that the order of arrival does not matter.
std::optional<sent_record> tally::carrier(const read_txn& txn, std::string_view group) const {
  auto c = txn.scan(complaints_);
  if (!c.seek(group) || !c.key().starts_with(group)) return std::nullopt;
  auto r = find(txn, {byte_reader{c.key().substr(group.size())}.be64()});
  if (!r || !stands(*r)) throw decode_error("complaints: an index entry without its complaint");
  return r;
}

void tally::add(write_txn& txn, const sent_record& cohorts, int delivered, int complaints) const {
  const auto& r = cohorts;
  move_row(txn, campaign_tallies_, campaign_row(r.tenant, r.epoch, r.campaign), delivered,
           complaints);
  move_row(txn, day_tallies_, day_row(r.tenant, r.epoch, r.send_day), delivered, complaints);
  if (!r.provider.empty()) move_row(txn, provider_tallies_, provider_row(r), delivered, complaints);
}

// Takes out what the old record contributed, puts in what the new one does.
template <class Change>
tally::update tally::change(write_txn& txn, recipient_id recipient, Change merge_in) const {
  update u;
  u.before = find(txn, recipient).value_or(sent_record{});
  u.after = u.before;
  merge_in(u.after);
  if (u.after == u.before) return u;

  const auto key = recipient_key(recipient);
  std::set<std::string> groups;
  if (stands(u.before)) groups.insert(group_of(u.before));
  if (stands(u.after)) groups.insert(group_of(u.after));
  u.touches_complaints = !groups.empty();
  for (const auto& group : groups)
    if (const auto r = carrier(txn, group)) {
      add(txn, *r, 0, -1);
      --u.complaints;
    }
  if (stands(u.before)) txn.erase(complaints_, group_of(u.before) + key);
  if (stands(u.after)) txn.put(complaints_, group_of(u.after) + key, {});
  if (counts_as_delivered(u.before)) add(txn, u.before, -1, 0);
  if (counts_as_delivered(u.after)) add(txn, u.after, +1, 0);
  txn.put(sent_, key, encode(u.after));
  for (const auto& group : groups)
    if (const auto r = carrier(txn, group)) {
      add(txn, *r, 0, +1);
      ++u.complaints;
    }
  return u;
}

delivery_effect tally::record_delivered(write_txn& txn, const delivery_facts& d) const {
  CONSENTRY_CHECK(d.person.size() == 16);
  CONSENTRY_CHECK(d.recipient && d.tenant);
  const auto u = change(txn, d.recipient, [&](sent_record& r) { merge_delivery(r, d); });
  return {.is_news = !u.before.delivered, .moves_complaints = u.touches_complaints};
}

complaint_outcome tally::record_complaint(write_txn& txn, recipient_id recipient,
                                          instant at) const {
  const auto u = change(txn, recipient, [&](sent_record& r) { merge_complaint(r, at); });
  const auto& r = u.after;
  if (!r.delivered) return {complaint_effect::not_sent, std::nullopt};
  auto effect = complaint_effect::duplicate;
  if (r.stream != smtp::stream::bulk)
    effect = complaint_effect::not_bulk;
  else if (is_too_old(r, at, max_age_days_))
    effect = complaint_effect::too_old;
  else if (u.complaints > 0)
    effect = complaint_effect::counted;
  else if (!stands(r))
    effect = complaint_effect::reversed;
  return {effect, r};
}

bool tally::reverse_complaint(write_txn& txn, recipient_id recipient, instant at) const {
  const auto u = change(txn, recipient, [&](sent_record& r) {
    if (!r.reversed_at || *r.reversed_at < at) r.reversed_at = at;
  });
  return u.complaints < 0;
}

void tally::mark(write_txn& txn, recipient_id recipient, sent_mark what) const {
  change(txn, recipient, [&](sent_record& r) {
    if (what == sent_mark::bounced) r.bounced = true;
    if (what == sent_mark::unsubscribed) r.unsubscribed = true;
  });
}

tenant_figures tally::figures_with(const read_txn& txn, tenant_id tenant, std::uint32_t epoch,
                                   day_window window, std::string_view campaign) const {
  auto f = figures(txn, tenant, epoch, window, 0);
  f.campaigns.push_back({std::string{campaign},
                         count_at(txn, campaign_tallies_, campaign_row(tenant, epoch, campaign))});
  return f;
}

tenant_figures tally::figures(const read_txn& txn, tenant_id tenant, std::uint32_t epoch,
                              day_window window, std::size_t campaigns_max) const {
  tenant_figures f{.epoch = epoch, .window = window};
  const auto prefix = epoch_prefix(tenant, epoch);
  {
    auto c = txn.scan(day_tallies_);
    const auto last = day_row(tenant, epoch, window.last);
    for (bool more = c.seek(day_row(tenant, epoch, window.first)); more && c.key() <= last;
         more = c.next()) {
      const auto day = decode_count(c.value());
      f.tenant.delivered += day.delivered;
      f.tenant.complaints += day.complaints;
    }
  }
  auto c = txn.scan(campaign_tallies_);
  for (bool more = c.seek(prefix);
       more && c.key().starts_with(prefix) && f.campaigns.size() < campaigns_max; more = c.next())
    f.campaigns.push_back({std::string{c.key().substr(prefix.size())}, decode_count(c.value())});
  return f;
}

std::vector<provider_figures> tally::providers(const read_txn& txn, tenant_id tenant,
                                               std::uint32_t epoch, day_window window) const {
  std::map<std::string, complaint_count, std::less<>> sums;
  const auto end = day_row(tenant, epoch, window.last + 1);
  auto c = txn.scan(provider_tallies_);
  for (bool more = c.seek(day_row(tenant, epoch, window.first)); more && c.key() < end;
       more = c.next()) {
    const auto day = decode_count(c.value());
    auto& sum = sums[std::string{c.key().substr(end.size())}];
    sum.delivered += day.delivered;
    sum.complaints += day.complaints;
  }
  std::vector<provider_figures> out;
  for (auto& [name, count] : sums) out.push_back({name, count});
  return out;
}

std::uint64_t tally::busiest_day(const read_txn& txn, tenant_id tenant, std::uint32_t epoch,
                                 day_window window) const {
  std::uint64_t most = 0;
  const auto last = day_row(tenant, epoch, window.last);
  auto c = txn.scan(day_tallies_);
  for (bool more = c.seek(day_row(tenant, epoch, window.first)); more && c.key() <= last;
       more = c.next())
    most = std::max(most, decode_count(c.value()).delivered);
  return most;
}

}  // namespace consentry::reputation
