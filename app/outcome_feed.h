// What a tenant is told of its mail, read from the journal as it lies there: for those who ask (a
// feed with a cursor) and those who are told (webhooks). Complaints show as the suppression they
// lead to (complaint_veil.h).
#pragma once

#include <boost/json/array.hpp>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "app/store_rooms.h"

namespace consentry::app {

// "accepted", "refused", "held", "released", "purged", "deferred", "delivered", "bounced",
// "suppressed", "unsuppressed", "unsubscribed"; empty: no outcome.
std::string_view outcome_name(journal::event_kind kind) noexcept;
// Of all outcomes, or of those named. nullopt: there is none of that name.
std::vector<journal::event_kind> outcome_kinds();
std::optional<std::vector<journal::event_kind>> outcome_kinds_of(std::string_view name);

struct outcome_page {
  // {"seq", "outcome", "at", "message", "recipient", "address" (while it is known), "person", ...}
  boost::json::array outcomes;
  journal_seq through;   // all up to this one was looked at: the next cursor
  bool is_more = false;  // there may be more at once
};

// What lies behind `after`, in the order of the journal, at most `limit` outcomes, and not behind
// `until` (0: the end). Looks at 100 000 entries at most. Throws store_error, decode_error.
outcome_page read_outcomes(const store_rooms& rooms, const read_txn& txn, tenant_id tenant,
                           journal_seq after, std::size_t limit,
                           const std::vector<journal::event_kind>& kinds, journal_seq until = {});

// How many requests wait for outcomes: each holds a connection. Any thread.
class feed_waits {
 public:
  bool enter(tenant_id tenant);  // false: too many
  void leave(tenant_id tenant);

 private:
  std::mutex mutex_;
  std::map<tenant_id, unsigned> waiting_;
  unsigned all_ = 0;
};

}  // namespace consentry::app
