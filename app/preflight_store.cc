#include "app/preflight_store.h"

#include <algorithm>

#include "base/bytes.h"

namespace consentry::app {
namespace {

using smtp::auth::check_state;
using smtp::auth::record_act;
using smtp::auth::sender_check;
using smtp::auth::wanted_record;

constexpr std::uint8_t version = 1;
constexpr std::chrono::minutes often{10};
constexpr std::chrono::hours often_for{48};
constexpr std::chrono::hours seldom{1};

std::string key_of(tenant_id tenant, std::string_view domain) {
  return byte_writer{}.be32(tenant.value).raw(domain).take();
}

void write(byte_writer& w, const wanted_record& r) {
  w.u8(static_cast<std::uint8_t>(r.act)).text(r.name).text(r.type).text(r.value);
  w.text(r.instead_of).flag(r.is_operators);
}

wanted_record read_record(byte_reader& in) {
  wanted_record r;
  const auto act = in.u8();
  if (act < 1 || act > 2) throw decode_error{"act"};
  r.act = static_cast<record_act>(act);
  r.name = in.text();
  r.type = in.text();
  r.value = in.text();
  r.instead_of = in.text();
  r.is_operators = in.flag();
  return r;
}

void write(byte_writer& w, const kept_check& c) {
  const auto& f = c.found;
  w.zigzag(to_ms(c.known_at)).text(f.what).u8(static_cast<std::uint8_t>(f.state));
  w.text(f.reason).text(f.text).varint(f.records.size());
  for (const auto& r : f.records) write(w, r);
}

kept_check read_check(byte_reader& in) {
  kept_check c;
  c.known_at = from_ms(in.zigzag());
  c.found.what = in.text();
  const auto state = in.u8();
  if (state < 1 || state > 4) throw decode_error{"state"};
  c.found.state = static_cast<check_state>(state);
  c.found.reason = in.text();
  c.found.text = in.text();
  for (auto n = in.varint(); n > 0; --n) c.found.records.push_back(read_record(in));
  return c;
}

bool is_settled(check_state s) {
  return s == check_state::pass || s == check_state::warn;
}

// Whether what was known says more than another look: all of it failed, or the part that could be
// had is not worse.
bool outlasts(const kept_check& known, const sender_check& now) {
  if (known.found.state == check_state::unknown) return false;
  if (now.state == check_state::unknown) return true;
  return now.is_part_unknown && is_settled(known.found.state) && known.found.state >= now.state;
}

}  // namespace

std::vector<sender_check> domain_preflight::found() const {
  std::vector<sender_check> out;
  for (const auto& c : checks) out.push_back(c.found);
  return out;
}

domain_preflight merged(const std::optional<domain_preflight>& before,
                        std::vector<sender_check> now, const std::string& domain, instant at) {
  domain_preflight out{.domain = domain, .looked_at = at};
  for (auto& check : now) {
    const kept_check* known = nullptr;
    if (before)
      for (const auto& c : before->checks)
        if (c.found.what == check.what) known = &c;
    if (known != nullptr && outlasts(*known, check)) {
      out.checks.push_back(*known);
      continue;
    }
    const auto known_at = check.state == check_state::unknown ? instant{} : at;
    check.is_part_unknown = false;
    out.checks.push_back({std::move(check), known_at});
  }
  if (!is_settled(out.state()))
    out.unsettled_since =
        before && before->unsettled_since != instant{} ? before->unsettled_since : at;
  return out;
}

std::optional<policy::preflight_facts> facts_of(const domain_preflight& p) {
  const auto state = p.state();
  if (state == check_state::unknown) return std::nullopt;
  // Nothing that is said is younger than its oldest ground.
  std::optional<instant> oldest;
  for (const auto& c : p.checks) {
    const bool is_ground = smtp::auth::decides(c.found) &&
                           (state != check_state::fail || c.found.state == check_state::fail);
    if (is_ground) oldest = std::min(oldest.value_or(c.known_at), c.known_at);
  }
  return policy::preflight_facts{.failures = smtp::auth::failures_of(p.found()),
                                 .checked_at = oldest.value_or(instant{})};
}

instant next_look(const domain_preflight& p, std::chrono::hours every, double spread) {
  using std::chrono::milliseconds;
  // Up to an eighth sooner, so that "daily" holds and not all come at once.
  const milliseconds day = every;
  const auto settled =
      day - milliseconds{static_cast<std::int64_t>(static_cast<double>(day.count()) * spread / 8)};
  if (p.unsettled_since == instant{}) return p.looked_at + settled;
  const milliseconds soon =
      p.looked_at - p.unsettled_since < often_for ? milliseconds{often} : milliseconds{seldom};
  return p.looked_at + std::min(soon, settled);
}

std::string encode(const domain_preflight& p) {
  byte_writer w;
  w.u8(version).zigzag(to_ms(p.looked_at)).zigzag(to_ms(p.unsettled_since));
  w.varint(p.checks.size());
  for (const auto& c : p.checks) write(w, c);
  return w.take();
}

domain_preflight decode_domain_preflight(std::string_view domain, std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error{"pre-flight: unknown version"};
  domain_preflight p;
  p.domain = domain;
  p.looked_at = from_ms(in.zigzag());
  p.unsettled_since = from_ms(in.zigzag());
  for (auto n = in.varint(); n > 0; --n) p.checks.push_back(read_check(in));
  if (!in.at_end()) throw decode_error{"bytes behind a pre-flight"};
  return p;
}

preflight_store::preflight_store(store_env& env) : rows_{env.open_table("domain_preflights")} {}

std::optional<domain_preflight> preflight_store::find(const read_txn& txn, tenant_id tenant,
                                                      std::string_view domain) const {
  const auto bytes = txn.get(rows_, key_of(tenant, domain));
  if (!bytes) return std::nullopt;
  return decode_domain_preflight(domain, *bytes);
}

void preflight_store::put(write_txn& txn, tenant_id tenant, const domain_preflight& p) const {
  txn.put(rows_, key_of(tenant, p.domain), encode(p));
}

void preflight_store::erase(write_txn& txn, tenant_id tenant, std::string_view domain) const {
  txn.erase(rows_, key_of(tenant, domain));
}

}  // namespace consentry::app
