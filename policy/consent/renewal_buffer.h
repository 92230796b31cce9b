// Deliveries that renew consents (RULES A3), brought into the ledger late and in sorted batches: a
// delivery touches a random key, and random keys are what makes a commit slow (DESIGN, "Keys decide
// the speed").
//
//   delivered -> journal (durable) -> overlay in memory -> collect: read the journal from the
//   watermark
//                                                       -> one commit: sorted records + new
//                                                       watermark
//
// The journal is the truth. The overlay only lets find() see what is not yet applied, so losing it
// loses nothing: at start collect/apply run until nothing is left, which is bounded by the events
// since the last applied batch.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "journal/event_journal.h"
#include "policy/consent/consent_ledger.h"

namespace consentry::policy::consent {

// One advertising delivery, or its taking back by a later bounce.
struct renewal {
  consent_key key;
  delivery_mark delivery;
  bool retracted = false;
};

// What a journal entry says about renewals: `delivered` of an advertising stream (bulk, automation)
// with person, topic and the fact "sender"; `bounced` with the fact "after_delivery". nullopt:
// nothing.
std::optional<renewal> renewal_of(const journal::event& e);

struct renewal_batch {
  journal_seq after;              // the watermark it continues
  journal_seq through;            // the last entry looked at
  std::vector<renewal> renewals;  // sorted by stored key, then time
  bool is_more = false;           // the journal goes on
  // Too little to be worth a commit: nothing to apply, and few entries passed.
  bool is_idle() const noexcept;
};

class renewal_buffer {
 public:
  struct options {
    std::size_t batch_renewals_max = 256;  // random keys in one transaction: about 8 ms
    std::size_t overlay_max = 262144;      // beyond it, new ones are left to the journal alone
  };

  renewal_buffer(store_env& env, const consent_ledger& ledger,
                 const journal::event_journal& history, options o);
  renewal_buffer(store_env& env, const consent_ledger& ledger,
                 const journal::event_journal& history)
      : renewal_buffer{env, ledger, history, options{}} {}

  // After the entry is durable, in any order, any thread. Entries that renew nothing are passed
  // over.
  void observe(journal_seq seq, const journal::event& e);

  // The ledger's record with the pending deliveries added. This is what a judge must be shown.
  std::optional<consent_record> find(const read_txn& txn, const consent_key& key) const;

  // One caller at a time:  collect() -> commit apply() -> applied().
  renewal_batch collect(const read_txn& txn) const;
  // Inside a commit_loop operation; re-runnable. Writes records, consent_renewed entries and the
  // watermark. Does nothing when the watermark has moved on.
  void apply(write_txn& txn, const renewal_batch& batch) const;
  // After the commit: takes the batch out of the overlay.
  void applied(const renewal_batch& batch);

  std::size_t pending() const;

 private:
  struct waiting {
    journal_seq seq;
    renewal what;
  };
  const consent_ledger* ledger_;
  const journal::event_journal* journal_;
  options options_;
  table meta_;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<waiting>> overlay_;  // by stored key
  std::size_t waiting_ = 0;
  journal_seq applied_;                 // through of the batch applied last
  std::vector<std::string> last_keys_;  // and its keys
};

}  // namespace consentry::policy::consent
