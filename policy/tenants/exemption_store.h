// The sector exemptions of all tenants, also those that ran out or were ended. Each change appends
// its journal entry (desk_act, exemption.grant or exemption.end) in the same transaction.
//
//   table exemptions   be32 tenant, be32 number -> exemption
#pragma once

#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/lmdb_env.h"
#include "journal/event_journal.h"
#include "policy/tenants/exemption.h"

namespace consentry::policy::tenants {

// A licence is looked at again after so long.
inline constexpr int exemption_months_max = 24;

struct granted_exemption {
  exemption what;
  bool is_new = true;  // false: the same was granted before and still counts
};

// Table handles only. Any thread may read, the writer's may change.
class exemption_store {
 public:
  // At start. `journal` must outlive it.
  exemption_store(store_env& env, const journal::event_journal& journal);

  // Takes category, approver, reason, granted_at and last_day. Those of one category may overlap;
  // the same again, while it counts, is the same one. invalid: a hard or unknown category, no
  // reason, no approver, a last day in the past or more than exemption_months_max ahead.
  result<granted_exemption> grant(write_txn& txn, tenant_id tenant, exemption wanted) const;
  // Ended already: as it was. not_found; conflict: its last day is over; invalid: no reason.
  result<exemption> end(write_txn& txn, tenant_id tenant, std::uint32_t number,
                        std::string_view reason, std::string_view actor, instant at) const;
  // From an export, as given; without a journal entry.
  void restore(write_txn& txn, tenant_id tenant, const exemption& x) const;

  // Oldest first.
  std::vector<exemption> all(const read_txn& txn, tenant_id tenant) const;

 private:
  table exemptions_;
  const journal::event_journal& journal_;
};

}  // namespace consentry::policy::tenants
