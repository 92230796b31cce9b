// A world in which mail was delivered, and is complained about.
#pragma once

#include "app/complaint_desk.h"
#include "app/complaint_intake.h"
#include "tests/unit/app/app_world.h"

namespace consentry::tests {

using namespace consentry::app;

inline const reporter_proof proven{.reporter = "Listed", .dkim_domain = "arf.listed.example"};
inline const reporter_proof unproven{.why_not = "unsigned"};

// Mail of one tenant that was delivered, and what is said about it.
struct complaint_world : app_world {
  outcome_recorder recorder{rooms, clock};
  tenant_id shop = add_tenant("shop");

  // One mail to each of `count` persons, all delivered; gives the first recipient.
  recipient_id deliver(tenant_id tenant, std::size_t count, const std::string& campaign = "spring",
                       smtp::stream stream = smtp::stream::bulk) {
    std::vector<std::string> to;
    for (std::size_t i = 0; i < count; ++i)
      to.push_back(campaign + std::to_string(i) + "@one.test");
    const auto message = enqueue(tenant, stream, to, campaign);
    const auto m = message_of(recipient_id{message.value + 1});
    std::vector<queue::queued_recipient> rows;
    read([&](read_txn& txn) {
      rows = rooms.queue.recipients_of(txn, m, count);
      return 0;
    });
    queue::attempt_facts facts;
    facts.at = clock.now();
    facts.number = 1;
    facts.transmitted = true;
    const auto o = delivered();
    change([&](write_txn& txn) {
      for (const auto& r : rows) recorder.record(txn, m, r, o, facts);
    });
    return recipient_id{message.value + 1};
  }
  std::vector<tenant_id> report(const weighed_report& r, const reporter_proof& proof = proven) {
    recorded_reports done;
    const report_arrival arrival{
        .channel = "feedback", .packed_raw = packed_report("raw"), .at = clock.now()};
    change([&](write_txn& txn) {
      done = record_reports(txn, rooms, small().rules, {r}, proof, arrival, 2);
    });
    last = done;
    return done.blocked;
  }
  recorded_reports last;
  report_record record() {
    return read([&](read_txn& txn) { return rooms.reports.find(txn, last.numbers.at(0)); }).value();
  }
  static const policy::policy_set& small() { return *small_policy()->set; }
  // "yes", or why not, of the last complaint.
  std::string counted() {
    const auto all = events(journal::event_kind::complained);
    const auto& facts = all.at(all.size() - 1).facts;
    return facts.at("counts") == "yes" ? "yes" : facts.at("why");
  }
  std::optional<reputation::suppression> suppression_of(tenant_id tenant,
                                                        std::string_view address) {
    const auto person = person_of(tenant, address);
    return read(
        [&](read_txn& txn) { return rooms.suppressions.find(txn, tenant, person, clock.now()); });
  }
  std::uint64_t complaints_of(tenant_id tenant) {
    return read([&](read_txn& txn) {
      const auto epoch = rooms.blocker.standing_of(txn, tenant).epoch;
      return rooms.tally
          .figures(txn, tenant, epoch,
                   reputation::window_ending(reputation::day_of(clock.now()), 30), 10)
          .tenant.complaints;
    });
  }
};

inline weighed_report abuse(recipient_id r) {
  return {.type = "abuse", .recipient = r, .suppresses = true, .may_count = true};
}
inline weighed_report forged(recipient_id r) {
  return {.type = "abuse", .recipient = r, .suppresses = true, .why_not = "unsigned"};
}
inline weighed_report not_spam(recipient_id r) {
  return {.type = "not-spam", .recipient = r, .reverses = true};
}

}  // namespace consentry::tests
