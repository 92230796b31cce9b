#include "app/campaign_register.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"

// state = u8 version(2), name, varint asked unproven ended dead, flag hold (u8 cause, zigzag
//         since_ms, varint part whole)?, actor reason, varint releases, zigzag first_ms changed_ms,
//         varint unsubscribed traps warned (version 1 ends before them)
// sweep = u8 version(1), flag is_release, held_because, zigzag since_ms

namespace consentry::app {
namespace {

constexpr std::uint8_t state_version = 2;
constexpr std::uint8_t record_version = 1;  // of sweeps
constexpr std::size_t reason_bytes_max = 900;

std::string key_of(tenant_id tenant, std::string_view campaign) {
  return byte_writer{}.be32(tenant.value).raw(campaign).take();
}

std::string encode(const campaign_state& s) {
  byte_writer w;
  w.u8(state_version).text(s.name);
  w.varint(s.counts.asked).varint(s.counts.unproven).varint(s.counts.ended).varint(s.counts.dead);
  w.flag(s.hold.has_value());
  if (s.hold)
    w.u8(static_cast<std::uint8_t>(s.hold->cause))
        .zigzag(to_ms(s.hold->since))
        .varint(s.hold->part)
        .varint(s.hold->whole);
  w.text(s.actor).text(s.reason).varint(s.releases);
  w.zigzag(to_ms(s.first_at)).zigzag(to_ms(s.changed_at));
  w.varint(s.counts.unsubscribed).varint(s.counts.traps).varint(s.warned);
  return w.take();
}

policy::campaign_hold_facts read_hold(byte_reader& r) {
  policy::campaign_hold_facts h;
  const auto cause = r.u8();
  if (cause < 1 || cause > static_cast<std::uint8_t>(policy::campaign_hold_cause_last))
    throw decode_error{"cause of a campaign's hold"};
  h.cause = static_cast<policy::campaign_hold_cause>(cause);
  h.since = from_ms(r.zigzag());
  h.part = r.varint();
  h.whole = r.varint();
  return h;
}

campaign_state decode_state(std::string_view bytes) {
  byte_reader r{bytes};
  const auto written_as = r.u8();
  if (written_as < 1 || written_as > state_version)
    throw decode_error{"campaign of another version"};
  campaign_state s;
  s.name = r.text();
  s.counts.asked = r.varint();
  s.counts.unproven = r.varint();
  s.counts.ended = r.varint();
  s.counts.dead = r.varint();
  if (r.flag()) s.hold = read_hold(r);
  s.actor = r.text();
  s.reason = r.text();
  s.releases = static_cast<std::uint32_t>(r.varint());
  s.first_at = from_ms(r.zigzag());
  s.changed_at = from_ms(r.zigzag());
  if (written_as >= 2) {
    s.counts.unsubscribed = r.varint();
    s.counts.traps = r.varint();
    s.warned = static_cast<std::uint32_t>(r.varint());
  }
  if (!r.at_end()) throw decode_error{"bytes behind a campaign"};
  return s;
}

using policy::campaign_hold_cause;
using policy::campaign_hold_facts;

constexpr std::uint32_t bit_of(campaign_hold_cause c) noexcept {
  return 1u << static_cast<unsigned>(c);
}

// The watches in the order of their weight. is_hold: what holds, else what warns and is not told.
std::vector<campaign_hold_facts> reached(const campaign_counts& c, const policy::rule_knobs& k,
                                         bool is_hold, std::uint32_t told, instant at,
                                         const std::function<std::uint64_t()>& busiest_day) {
  std::vector<campaign_hold_facts> out;
  const auto traps_from =
      static_cast<std::uint64_t>(is_hold ? k.watch_traps_hold : k.watch_traps_warn);
  if (traps_from != 0 && c.traps >= traps_from)
    out.push_back({campaign_hold_cause::traps, at, c.traps, c.asked});
  if (is_hold && policy::is_over_share(c.unproven, c.asked, k.campaign_max_unproven))
    out.push_back({campaign_hold_cause::unproven, at, c.unproven, c.asked});
  if (policy::is_over_share(c.dead, c.ended,
                            is_hold ? k.bounce_hold_campaign : k.bounce_warn_campaign))
    out.push_back({campaign_hold_cause::bounces, at, c.dead, c.ended});
  if (policy::is_over_share(c.unsubscribed, c.ended,
                            is_hold ? k.watch_unsubscribes_hold : k.watch_unsubscribes_warn))
    out.push_back({campaign_hold_cause::unsubscribes, at, c.unsubscribed, c.ended});
  const auto times =
      static_cast<std::uint64_t>(is_hold ? k.watch_volume_hold : k.watch_volume_warn);
  if (times != 0 && busiest_day && (told & bit_of(campaign_hold_cause::volume)) == 0 &&
      c.asked > static_cast<std::uint64_t>(k.watch_volume_min)) {
    const auto before = busiest_day();
    if (c.asked > before * times) out.push_back({campaign_hold_cause::volume, at, c.asked, before});
  }
  std::erase_if(out, [told](const auto& f) { return (told & bit_of(f.cause)) != 0; });
  return out;
}

std::string_view rule_of(campaign_hold_cause c) noexcept {
  return c == campaign_hold_cause::unproven  ? "A2.5.2"
         : c == campaign_hold_cause::bounces ? "A2.5.4"
                                             : "E4";
}

journal::event event_about(journal::event_kind kind, instant at, tenant_id tenant,
                           std::string_view campaign) {
  journal::event e;
  e.kind = kind;
  e.at = at;
  e.tenant = tenant;
  e.campaign = campaign;
  return e;
}

failure conflict(std::string text) {
  return {.kind = failure_kind::conflict, .permanent = true, .public_text = std::move(text)};
}

}  // namespace

campaign_register::campaign_register(store_env& env, const journal::event_journal& history)
    : journal_{&history},
      campaigns_{env.open_table("campaigns")},
      sweeps_{env.open_table("campaign_sweeps")} {}

std::optional<campaign_state> campaign_register::find(const read_txn& txn, tenant_id tenant,
                                                      std::string_view campaign) const {
  if (campaign.empty()) return std::nullopt;
  const auto bytes = txn.get(campaigns_, key_of(tenant, campaign));
  return bytes ? std::optional{decode_state(*bytes)} : std::nullopt;
}

std::vector<campaign_state> campaign_register::list(const read_txn& txn, tenant_id tenant,
                                                    std::string_view after,
                                                    std::size_t limit) const {
  std::vector<campaign_state> out;
  const auto prefix = key_of(tenant, "");
  // No name begins with this byte, so it stands right behind `after`.
  const auto from = after.empty() ? prefix : key_of(tenant, after) + '\0';
  auto c = txn.scan(campaigns_);
  for (bool more = c.seek(from); more && c.key().starts_with(prefix) && out.size() < limit;
       more = c.next())
    out.push_back(decode_state(c.value()));
  return out;
}

void campaign_register::put(write_txn& txn, tenant_id tenant, const campaign_state& s) const {
  txn.put(campaigns_, key_of(tenant, s.name), encode(s));
}

void campaign_register::put_sweep(write_txn& txn, tenant_id tenant, const campaign_state& s,
                                  bool is_release, policy::campaign_hold_cause cause,
                                  instant at) const {
  txn.put(sweeps_, key_of(tenant, s.name),
          byte_writer{}
              .u8(record_version)
              .flag(is_release)
              .text(policy::reason_of(cause))
              .zigzag(to_ms(at))
              .bytes());
}

void campaign_register::count(write_txn& txn, tenant_id tenant, std::string_view campaign,
                              const campaign_counts& more, const policy::rule_knobs& knobs,
                              instant at, const std::function<std::uint64_t()>& busiest_day) const {
  if (campaign.empty()) return;
  auto s = find(txn, tenant, campaign)
               .value_or(campaign_state{.name = std::string{campaign}, .first_at = at});
  s.counts.asked += more.asked;
  s.counts.unproven += more.unproven;
  s.counts.ended += more.ended;
  s.counts.dead += more.dead;
  s.counts.unsubscribed += more.unsubscribed;
  s.counts.traps += more.traps;
  if (!s.hold) judge(txn, tenant, s, knobs, at, busiest_day);
  put(txn, tenant, s);
}

void campaign_register::judge(write_txn& txn, tenant_id tenant, campaign_state& s,
                              const policy::rule_knobs& knobs, instant at,
                              const std::function<std::uint64_t()>& busiest_day) const {
  const auto told_of = [&](journal::event_kind kind, const campaign_hold_facts& f) {
    auto e = event_about(kind, at, tenant, s.name);
    e.reason = policy::reason_of(f.cause);
    e.rule = rule_of(f.cause);
    e.actor = "gateway";
    e.facts["scope"] = "campaign";
    e.facts["part"] = std::to_string(f.part);
    e.facts["whole"] = std::to_string(f.whole);
    return e;
  };
  const auto holds = reached(s.counts, knobs, true, 0, at, busiest_day);
  if (!holds.empty()) {
    s.hold = holds.front();
    s.actor = "gateway";
    s.reason.clear();
    s.changed_at = at;
    journal_->append(txn, told_of(journal::event_kind::held, *s.hold));
    put_sweep(txn, tenant, s, false, s.hold->cause, at);
    return;
  }
  for (const auto& w : reached(s.counts, knobs, false, s.warned, at, busiest_day)) {
    s.warned |= bit_of(w.cause);
    auto e = told_of(journal::event_kind::warned, w);
    e.facts["watch"] = policy::to_string(w.cause);
    e.facts["from"] = "good";
    e.facts["to"] = "warn";
    journal_->append(txn, e);
  }
}

result<campaign_state> campaign_register::hold(write_txn& txn, tenant_id tenant,
                                               std::string_view campaign, const std::string& actor,
                                               const std::string& reason, instant at) const {
  auto s = find(txn, tenant, campaign)
               .value_or(campaign_state{.name = std::string{campaign}, .first_at = at});
  if (s.hold)
    return conflict(fmt::format("campaign {} is on hold already: {}", s.name,
                                policy::reason_of(s.hold->cause)));
  s.hold = policy::campaign_hold_facts{policy::campaign_hold_cause::person, at, 0, 0};
  s.actor = actor;
  s.reason = reason.substr(0, reason_bytes_max);
  s.changed_at = at;
  auto e = event_about(journal::event_kind::desk_act, at, tenant, campaign);
  e.reason = policy::reason_of(s.hold->cause);
  e.rule = "E4";
  e.actor = actor;
  e.facts["act"] = "hold_campaign";
  e.facts["reason"] = s.reason;
  journal_->append(txn, e);
  put_sweep(txn, tenant, s, false, s.hold->cause, at);
  put(txn, tenant, s);
  return s;
}

result<campaign_state> campaign_register::release(write_txn& txn, tenant_id tenant,
                                                  std::string_view campaign,
                                                  const std::string& actor,
                                                  const std::string& reason, instant at) const {
  auto found = find(txn, tenant, campaign);
  if (!found || !found->hold)
    return conflict(fmt::format("campaign {} is not on hold", printable(campaign, 64)));
  auto& s = *found;
  const auto was = *s.hold;
  auto e = event_about(journal::event_kind::desk_act, at, tenant, campaign);
  e.reason = policy::reason_of(was.cause);
  e.rule = "E4";
  e.actor = actor;
  e.facts["act"] = "release_campaign";
  e.facts["reason"] = reason.substr(0, reason_bytes_max);
  e.facts["asked"] = std::to_string(s.counts.asked);
  e.facts["unproven"] = std::to_string(s.counts.unproven);
  e.facts["ended"] = std::to_string(s.counts.ended);
  e.facts["dead"] = std::to_string(s.counts.dead);
  e.facts["unsubscribed"] = std::to_string(s.counts.unsubscribed);
  e.facts["traps"] = std::to_string(s.counts.traps);
  journal_->append(txn, e);
  s.hold.reset();
  s.counts = {};
  s.warned = 0;
  s.actor = actor;
  s.reason = reason.substr(0, reason_bytes_max);
  s.changed_at = at;
  ++s.releases;
  put_sweep(txn, tenant, s, true, was.cause, at);
  put(txn, tenant, s);
  return s;
}

std::vector<campaign_sweep> campaign_register::sweeps(const read_txn& txn,
                                                      std::size_t limit) const {
  std::vector<campaign_sweep> out;
  auto c = txn.scan(sweeps_);
  for (bool more = c.first(); more && out.size() < limit; more = c.next()) {
    byte_reader key{c.key()};
    byte_reader value{c.value()};
    campaign_sweep s;
    s.tenant = tenant_id{key.be32()};
    s.campaign = key.rest();
    if (value.u8() != record_version) throw decode_error{"sweep of another version"};
    s.is_release = value.flag();
    s.held_because = value.text();
    s.since = from_ms(value.zigzag());
    out.push_back(std::move(s));
  }
  return out;
}

bool campaign_register::swept(write_txn& txn, const campaign_sweep& done) const {
  const auto key = key_of(done.tenant, done.campaign);
  const auto bytes = txn.get(sweeps_, key);
  if (!bytes) return false;
  byte_reader value{*bytes};
  value.u8();
  const bool is_release = value.flag();
  value.text();
  return is_release == done.is_release && from_ms(value.zigzag()) == done.since &&
         txn.erase(sweeps_, key);
}

bool campaign_register::remove_tenant(write_txn& txn, tenant_id tenant, std::size_t rows) const {
  const auto prefix = key_of(tenant, "");
  for (const auto t : {campaigns_, sweeps_}) {
    auto c = txn.scan(t);
    for (bool more = c.seek(prefix); more && c.key().starts_with(prefix); more = c.next()) {
      if (rows-- == 0) return true;
      c.erase();
    }
  }
  return false;
}

bool is_unproven_reason(std::string_view reason) noexcept {
  constexpr std::array<std::string_view, 4> unproven{"consent.missing", "consent.unproven",
                                                     "consent.provenance", "consent.implicit"};
  return std::ranges::find(unproven, reason) != unproven.end();
}

bool is_about_recipient(std::string_view reason) noexcept {
  return reason == "ok" || reason.starts_with("consent.") || reason.starts_with("suppressed.") ||
         reason.starts_with("content.") || reason.starts_with("reminder.");
}

}  // namespace consentry::app
