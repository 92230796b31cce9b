// What happened to queued mail, told to everyone who must know, in the transaction that changes the
// queue: journal, tally, suppressions; and to the renewal buffer once it is durable.
#pragma once

#include <functional>
#include <mutex>
#include <unordered_map>

#include "app/store_rooms.h"
#include "base/clock.h"
#include "policy/policy_set.h"
#include "queue/outcome_sink.h"

namespace consentry::app {

class outcome_recorder final : public queue::outcome_sink {
 public:
  using knobs_source = std::function<policy::rule_knobs()>;  // those of now, any thread

  // The name of the provider with a feedback loop that runs the mailbox, by the host that took the
  // mail and the recipient's domain; empty: none. Any thread.
  using provider_source =
      std::function<std::string(const std::string& host, const std::string& domain)>;

  outcome_recorder(
      store_rooms& rooms, const wall_clock& clock,
      knobs_source knobs = [] { return policy::rule_knobs{}; }, provider_source providers = {})
      : rooms_{rooms}, clock_{clock}, knobs_{std::move(knobs)}, providers_{std::move(providers)} {}

  void record(write_txn& txn, const queue::queued_message& m, const queue::queued_recipient& r,
              const smtp::outcome& o, const queue::attempt_facts& facts) override;
  void held(write_txn& txn, const queue::queued_message& m, const queue::queued_recipient& r,
            const queue::dispatch_decision& why) override;
  void notice_queued(write_txn& txn, const queue::queued_message& notice,
                     const queue::queued_recipient& to) override;
  void settled(const queue::queued_message& m, const queue::queued_recipient& r,
               const smtp::outcome& o, const queue::attempt_facts& facts) override;

 private:
  void note_expired(write_txn& txn, const queue::queued_message& m,
                    const queue::queued_recipient& r, const queue::attempt_facts& facts);

  struct pending {
    journal_seq seq;
    journal::event what;
  };
  store_rooms& rooms_;
  const wall_clock& clock_;
  knobs_source knobs_;
  provider_source providers_;
  std::mutex mutex_;
  // Deliveries between their transaction and its commit; a re-run overwrites its entry.
  std::unordered_map<recipient_id, pending> delivered_;
};

}  // namespace consentry::app
