#include "reputation/blocker.h"

#include <fmt/format.h>

#include <mutex>

#include "base/bytes.h"
#include "base/text.h"

namespace consentry::reputation {
namespace {

constexpr std::uint8_t version = 1;

std::string tenant_key(tenant_id tenant) {
  return byte_writer{}.be32(tenant.value).take();
}

std::string encode(const standing& s) {
  return byte_writer{}
      .u8(version)
      .flag(s.bulk_blocked)
      .varint(s.epoch)
      .zigzag(to_ms(s.since))
      .text(s.cause)
      .text(s.actor)
      .take();
}

standing decode_standing(std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("standing: unknown version");
  standing s;
  s.bulk_blocked = in.flag();
  s.epoch = static_cast<std::uint32_t>(in.varint());
  s.since = from_ms(in.zigzag());
  s.cause = in.text();
  s.actor = in.text();
  if (!in.at_end()) throw decode_error("standing: bytes behind it");
  return s;
}

std::string_view name_of(const standing& s) noexcept {
  return s.bulk_blocked ? "bulk_blocked" : "open";
}

// A named person and a reason, both one short line (RULES A5, E4).
result<void> need_person(std::string_view person, std::string_view reason) {
  const auto wrong = [](std::string text) {
    return failure{
        .kind = failure_kind::invalid, .permanent = true, .public_text = std::move(text)};
  };
  if (trim(person).empty() || person.size() > 100)
    return wrong("the person who decides must be named, in at most 100 bytes");
  if (trim(reason).empty() || reason.size() > 1000 || !is_valid_utf8(reason))
    return wrong("a reason is needed, in at most 1000 bytes");
  return {};
}

}  // namespace

blocker::blocker(store_env& env, const journal::event_journal& journal)
    : journal_{journal},
      standings_{env.open_table("standings")},
      changes_{env.open_table("standing_changes")},
      proposals_{env.open_table("unblock_proposals")} {
  for (const auto tenant : blocked(env.begin_read())) close(tenant, {});
}

bool blocker::is_bulk_closed(tenant_id tenant) const {
  std::shared_lock lock{mutex_};
  const auto it = gates_.find(tenant);
  return it != gates_.end() && it->second->closed.load();
}

blocker::gate& blocker::gate_at(tenant_id tenant) {
  auto& found = gates_[tenant];
  if (!found) found = std::make_shared<gate>();
  return *found;
}

std::shared_ptr<const std::atomic<bool>> blocker::gate_of(tenant_id tenant) {
  std::lock_guard lock{mutex_};
  auto& g = gate_at(tenant);
  return {gates_[tenant], &g.closed};
}

void blocker::close(tenant_id tenant, journal_seq by) {
  std::lock_guard lock{mutex_};
  auto& g = gate_at(tenant);
  if (by) g.closed_by = by;
  g.closed = true;
}

journal_seq blocker::change(write_txn& txn, tenant_id tenant, const standing& before,
                            const standing& after, journal::event what) {
  what.kind = journal::event_kind::standing_changed;
  what.at = after.since;
  what.tenant = tenant;
  what.stream = smtp::stream::bulk;
  what.rule = "A5";
  what.actor = after.actor;
  what.reason = after.cause;
  what.facts["from"] = name_of(before);
  what.facts["to"] = name_of(after);
  what.facts["epoch"] = std::to_string(after.epoch);
  const auto seq = journal_.append(txn, what);
  txn.put(standings_, tenant_key(tenant), encode(after));
  txn.erase(proposals_, tenant_key(tenant));
  txn.put(changes_, byte_writer{}.be32(tenant.value).be64(seq.value).bytes(), encode(after));
  return seq;
}

bool blocker::block_for_ratio(write_txn& txn, tenant_id tenant, const standing_decision& why,
                              instant at, const standing_knobs& knobs) {
  const auto before = standing_of(txn, tenant);
  if (before.bulk_blocked) return false;
  auto after = before;
  after.bulk_blocked = true;
  after.since = at;
  after.actor = "gateway";
  after.cause =
      fmt::format("complaint ratio: {} on {} delivered", why.count.complaints, why.count.delivered);
  journal::event e;
  if (why.by_campaign) {
    after.cause += " of campaign " + printable(why.campaign, 100);
    e.campaign = why.campaign;
  }
  e.facts["complaints"] = std::to_string(why.count.complaints);
  e.facts["delivered"] = std::to_string(why.count.delivered);
  e.facts["floor"] = std::to_string(knobs.ratio_floor);
  if (!why.by_campaign) e.facts["window_days"] = std::to_string(knobs.window_days);
  close(tenant, change(txn, tenant, before, after, std::move(e)));
  return true;
}

result<bool> blocker::block(write_txn& txn, tenant_id tenant, std::string_view person,
                            std::string_view reason, instant at) {
  if (auto r = need_person(person, reason); !r) return r.error();
  const auto before = standing_of(txn, tenant);
  if (before.bulk_blocked) return false;
  auto after = before;
  after.bulk_blocked = true;
  after.since = at;
  after.actor = person;
  after.cause = reason;
  close(tenant, change(txn, tenant, before, after, {}));
  return true;
}

result<standing> blocker::unblock(write_txn& txn, tenant_id tenant, std::string_view person,
                                  std::string_view reason, instant at, bool resets) {
  if (auto r = need_person(person, reason); !r) return r.error();
  const auto before = standing_of(txn, tenant);
  if (!before.bulk_blocked)
    return failure{.kind = failure_kind::conflict,
                   .permanent = true,
                   .public_text = "bulk mail of this tenant is not blocked"};
  auto after = before;
  after.bulk_blocked = false;
  after.since = at;
  after.actor = person;
  after.cause = reason;
  if (resets) ++after.epoch;
  change(txn, tenant, before, after, {});
  return after;
}

result<unblock_proposal> blocker::propose_unblock(write_txn& txn, tenant_id tenant,
                                                  std::string_view person, std::string_view reason,
                                                  instant at) const {
  if (auto r = need_person(person, reason); !r) return r.error();
  const auto conflict = [](std::string text) {
    return failure{
        .kind = failure_kind::conflict, .permanent = true, .public_text = std::move(text)};
  };
  if (!standing_of(txn, tenant).bulk_blocked)
    return conflict("bulk mail of this tenant is not blocked");
  if (const auto before = proposal(txn, tenant); before && before->person == person)
    return conflict("the unblock waits for a second person");
  unblock_proposal p{std::string{person}, std::string{reason}, at};
  journal::event e;
  e.kind = journal::event_kind::desk_act;
  e.at = at;
  e.tenant = tenant;
  e.stream = smtp::stream::bulk;
  e.rule = "A5";
  e.actor = p.person;
  e.reason = p.reason;
  e.facts["what"] = "unblock.proposed";
  journal_.append(txn, e);
  txn.put(proposals_, tenant_key(tenant),
          byte_writer{}.u8(version).text(p.person).text(p.reason).zigzag(to_ms(at)).bytes());
  return p;
}

std::optional<unblock_proposal> blocker::proposal(const read_txn& txn, tenant_id tenant) const {
  const auto bytes = txn.get(proposals_, tenant_key(tenant));
  if (!bytes) return std::nullopt;
  byte_reader in{*bytes};
  if (in.u8() != version) throw decode_error("unblock proposal: unknown version");
  unblock_proposal p;
  p.person = in.text();
  p.reason = in.text();
  p.at = from_ms(in.zigzag());
  return p;
}

bool blocker::replay(write_txn& txn, tenant_id tenant, const standing& as_recorded) {
  const auto before = standing_of(txn, tenant);
  if (before == as_recorded) return false;
  journal::event e;
  e.facts["replayed"] = "yes";
  const auto seq = change(txn, tenant, before, as_recorded, std::move(e));
  if (as_recorded.bulk_blocked) close(tenant, seq);
  return true;
}

void blocker::restore(write_txn& txn, tenant_id tenant, const standing& after) {
  journal::event e;
  e.facts["restored"] = "yes";
  const auto seq = change(txn, tenant, standing_of(txn, tenant), after, std::move(e));
  if (after.bulk_blocked) close(tenant, seq);
}

void blocker::refresh(const read_txn& txn, tenant_id tenant) {
  const auto stored = standing_of(txn, tenant);
  const auto newest = journal_.last(txn);
  std::lock_guard lock{mutex_};
  auto& g = gate_at(tenant);
  // A view from before the last block knows nothing of it; a dropped block's number is soon taken
  // by another entry, so that a later view decides.
  if (newest < g.closed_by || newest < g.seen) return;
  g.seen = newest;
  g.closed = stored.bulk_blocked;
}

void blocker::refresh_closed(const read_txn& txn) {
  std::vector<tenant_id> closed;
  {
    std::shared_lock lock{mutex_};
    for (const auto& [tenant, g] : gates_)
      if (g->closed) closed.push_back(tenant);
  }
  for (const auto tenant : closed) refresh(txn, tenant);
}

standing blocker::standing_of(const read_txn& txn, tenant_id tenant) const {
  const auto bytes = txn.get(standings_, tenant_key(tenant));
  return bytes ? decode_standing(*bytes) : standing{};
}

std::vector<standing_change> blocker::history(const read_txn& txn, tenant_id tenant,
                                              std::size_t limit) const {
  std::vector<standing_change> found;
  const auto prefix = tenant_key(tenant);
  auto c = txn.scan(changes_);
  const auto end = byte_writer{}.be32(tenant.value).be64(UINT64_MAX).take();
  for (bool more = c.seek_last(end); more && c.key().starts_with(prefix) && found.size() < limit;
       more = c.previous())
    found.push_back(
        {{byte_reader{c.key().substr(prefix.size())}.be64()}, decode_standing(c.value())});
  return found;
}

std::vector<tenant_id> blocker::blocked(const read_txn& txn) const {
  std::vector<tenant_id> found;
  for (auto c = txn.scan(standings_); c.next();)
    if (decode_standing(c.value()).bulk_blocked) found.push_back({byte_reader{c.key()}.be32()});
  return found;
}

}  // namespace consentry::reputation
