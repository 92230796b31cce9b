#include "app/outcome_feed.h"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>

#include "app/complaint_veil.h"
#include "base/text.h"
#include "journal/event_json.h"

namespace consentry::app {
namespace {

using journal::event_kind;

constexpr unsigned waits_of_tenant_max = 4, waits_max = 24;

struct named_outcome {
  event_kind kind;
  std::string_view name;
};

constexpr std::array outcomes{
    named_outcome{event_kind::accepted, "accepted"},
    named_outcome{event_kind::refused, "refused"},
    named_outcome{event_kind::held, "held"},
    named_outcome{event_kind::released, "released"},
    named_outcome{event_kind::purged, "purged"},
    // Past its final dot without a reply: it is tried again.
    named_outcome{event_kind::attempted, "deferred"},
    named_outcome{event_kind::deferred, "deferred"},
    named_outcome{event_kind::delivered, "delivered"},
    named_outcome{event_kind::bounced, "bounced"},
    named_outcome{event_kind::suppressed, "suppressed"},
    named_outcome{event_kind::unsuppressed, "unsuppressed"},
    named_outcome{event_kind::consent_withdrawn, "unsubscribed"},
};

boost::json::object shown(const store_rooms& rooms, const read_txn& txn, journal::entry e) {
  const auto tenant = e.what.tenant;
  const auto name = outcome_name(e.what.kind);
  const auto person = e.what.person;
  auto o = journal::to_json(e);
  for (const auto* member : {"kind", "tenant", "hash", "commitment"}) o.erase(member);
  o["outcome"] = name;
  if (!person.empty())
    if (const auto p = rooms.consents.find_person(txn, tenant, person))
      o["address"] = to_valid_utf8(p->address);
  return o;
}

}  // namespace

std::string_view outcome_name(event_kind kind) noexcept {
  const auto found = std::ranges::find(outcomes, kind, &named_outcome::kind);
  return found == outcomes.end() ? std::string_view{} : found->name;
}

std::vector<event_kind> outcome_kinds() {
  std::vector<event_kind> out;
  for (const auto& o : outcomes) out.push_back(o.kind);
  return out;
}

std::optional<std::vector<event_kind>> outcome_kinds_of(std::string_view name) {
  std::vector<event_kind> out;
  for (const auto& o : outcomes)
    if (o.name == name) out.push_back(o.kind);
  if (out.empty()) return std::nullopt;
  return out;
}

outcome_page read_outcomes(const store_rooms& rooms, const read_txn& txn, tenant_id tenant,
                           journal_seq after, std::size_t limit,
                           const std::vector<event_kind>& kinds, journal_seq until) {
  const auto last = rooms.journal.last(txn);
  const auto end = until ? std::min(until, last) : last;
  outcome_page out{.outcomes = {}, .through = std::max(after, end)};
  if (after >= end) return out;
  const journal::event_filter filter{.tenant = tenant, .kinds = kinds};
  auto page = rooms.journal.scan(txn, {after.value + 1}, limit, filter);
  if (page.next && page.next <= end) {
    out.is_more = true;
    out.through = {page.next.value - 1};
  } else {
    out.through = end;
  }
  for (auto& e : page.entries) {
    if (e.seq > end) break;
    auto seen = veiled(std::move(e.what));
    if (!seen) continue;
    e.what = std::move(*seen);
    out.outcomes.push_back(shown(rooms, txn, std::move(e)));
  }
  return out;
}

bool feed_waits::enter(tenant_id tenant) {
  const std::scoped_lock lock{mutex_};
  auto& n = waiting_[tenant];
  if (n >= waits_of_tenant_max || all_ >= waits_max) return false;
  ++n;
  ++all_;
  return true;
}

void feed_waits::leave(tenant_id tenant) {
  const std::scoped_lock lock{mutex_};
  --all_;
  if (--waiting_[tenant] == 0) waiting_.erase(tenant);
}

}  // namespace consentry::app
