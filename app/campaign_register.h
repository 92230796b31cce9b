// What is counted of each campaign, and whether it waits for a person (RULES 5.2, 5.4, E4).
//
//   table campaigns        be32 tenant, name   -> campaign_state
//   table campaign_sweeps  be32 tenant, name   -> sweep: queued mail that must follow a hold or a
//                                                 release, until it has (campaign_sweeper.h)
//
// Watches: the shares of unproven, dead, unsubscribed and trapped recipients, and a volume that the
// tenant never had. Counts are sums, written in the transaction of what they count, so a share
// never disagrees with the journal. A release begins a new count, as an unblock does (RULES A5).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/lmdb_env.h"
#include "base/result.h"
#include "journal/event_journal.h"
#include "policy/evidence.h"
#include "policy/policy_set.h"

namespace consentry::app {

struct campaign_counts {
  std::uint64_t asked = 0;         // recipients for whom consent was asked
  std::uint64_t unproven = 0;      // of them, refused because there was no proof
  std::uint64_t ended = 0;         // recipients whose delivery came to an end at a server
  std::uint64_t dead = 0;          // of them, addresses that do not exist
  std::uint64_t unsubscribed = 0;  // recipients who left by a mail of it
  std::uint64_t traps = 0;         // of asked, spam traps (spam_traps.h)
};

struct campaign_state {
  std::string name;
  campaign_counts counts;  // since the last release
  std::optional<policy::campaign_hold_facts> hold;
  std::string actor;   // of the last hold or release: "gateway", "desk:<login>"
  std::string reason;  // the person's words
  std::uint32_t releases = 0;
  std::uint32_t warned = 0;  // bit 1 << cause: the tenant was warned since the last release
  instant first_at{};
  instant changed_at{};  // of the last hold or release
};

// Where queued mail must follow.
struct campaign_sweep {
  tenant_id tenant;
  std::string campaign;
  bool is_release = false;
  std::string held_because;  // reason_of the hold
  instant since{};
};

// Table handles only. Reads on any thread; what takes a write_txn runs inside operations of the
// commit loop and is re-runnable. Throws store_error and decode_error.
class campaign_register {
 public:
  campaign_register(store_env& env, const journal::event_journal& history);  // at start

  std::optional<campaign_state> find(const read_txn& txn, tenant_id tenant,
                                     std::string_view campaign) const;
  // In order of name, behind `after`, at most `limit`.
  std::vector<campaign_state> list(const read_txn& txn, tenant_id tenant, std::string_view after,
                                   std::size_t limit) const;

  // Adds to the counts, and puts the campaign on hold where a share is over its knob; that is
  // journaled (kind held, without a recipient). Where a share reaches its warning, that is
  // journaled once until the next release (kind warned). Nothing for a campaign without a name.
  // busiest_day: recipients on the tenant's busiest day before; asked for where the volume is
  // looked at, which is not where it is empty.
  void count(write_txn& txn, tenant_id tenant, std::string_view campaign,
             const campaign_counts& more, const policy::rule_knobs& knobs, instant at,
             const std::function<std::uint64_t()>& busiest_day = {}) const;

  // A person's acts, journaled as desk_act. conflict: it is so already. A campaign that nobody has
  // seen yet can be held, so that it never begins.
  result<campaign_state> hold(write_txn& txn, tenant_id tenant, std::string_view campaign,
                              const std::string& actor, const std::string& reason,
                              instant at) const;
  result<campaign_state> release(write_txn& txn, tenant_id tenant, std::string_view campaign,
                                 const std::string& actor, const std::string& reason,
                                 instant at) const;

  std::vector<campaign_sweep> sweeps(const read_txn& txn, std::size_t limit) const;
  // The sweep is done. false: it stays, a newer one took its place.
  bool swept(write_txn& txn, const campaign_sweep& done) const;

  // Everything of a tenant whose time is over; at most `rows` rows. false: nothing is left.
  bool remove_tenant(write_txn& txn, tenant_id tenant, std::size_t rows) const;

 private:
  void judge(write_txn& txn, tenant_id tenant, campaign_state& s, const policy::rule_knobs& knobs,
             instant at, const std::function<std::uint64_t()>& busiest_day) const;
  void put(write_txn& txn, tenant_id tenant, const campaign_state& s) const;
  void put_sweep(write_txn& txn, tenant_id tenant, const campaign_state& s, bool is_release,
                 policy::campaign_hold_cause cause, instant at) const;

  const journal::event_journal* journal_;
  table campaigns_;
  table sweeps_;
};

// The streams that go to lists, whose campaigns are counted and can be held.
constexpr bool is_advertising(smtp::stream s) noexcept {
  return s == smtp::stream::bulk || s == smtp::stream::automation;
}
// Reasons that say there was no proof of consent; a consent that ended, or that was taken back, was
// proven once.
bool is_unproven_reason(std::string_view reason) noexcept;
// Whether the verdict was about this recipient and not about the account or the message as such.
bool is_about_recipient(std::string_view reason) noexcept;

}  // namespace consentry::app
