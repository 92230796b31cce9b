// Counts deliveries and complaints in cohorts (RULES A5): per campaign, and per day of sending. A
// late complaint joins the cohort of its message. The sums are equal in whatever order deliveries
// and complaints arrive, and if some come twice: each cohort is the sum of what its sent records
// contribute, and these only merge.
//
//   table sent              be64 recipient -> sent_record
//   table complaints        be32 tenant, be32 epoch, campaign, person(16), be64 recipient -> ""
//                           (standing complaints; the first of each person in a campaign counts)
//   table campaign_tallies  be32 tenant, be32 epoch, campaign -> count
//   table day_tallies       be32 tenant, be32 epoch, be32 day -> count
//   table provider_tallies  be32 tenant, be32 epoch, be32 day, provider -> count
//
// The sent record is keyed by the ascending recipient number and cohort rows are few, so counting
// costs a delivery no random page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/lmdb_env.h"
#include "reputation/figures.h"
#include "reputation/sent_record.h"

namespace consentry::reputation {

// The facts of a 2xx to the final dot.
struct delivery_facts {
  recipient_id recipient;
  message_id message;
  tenant_id tenant;
  std::uint32_t epoch = 1;  // blocker::standing_of(txn, tenant).epoch, in the same transaction
  smtp::stream stream{};
  std::string_view campaign;
  std::string_view topic;
  std::string_view person;  // 16 bytes
  instant at{};
  std::string_view provider{};  // with a feedback loop; empty: none that is known
};

struct delivery_effect {
  bool is_news = false;           // false: known already
  bool moves_complaints = false;  // one that had overtaken it counts now, or in another cohort
  explicit operator bool() const noexcept { return is_news; }
};

enum class complaint_effect : std::uint8_t {
  counted,    // C of its cohorts grew by one
  duplicate,  // this message, or the same person in this campaign, is counted already
  not_sent,   // no delivery of it is known (yet: it counts once one is)
  not_bulk,   // remembered, not counted
  too_old,    // more than complaint_max_age_days after the send day
  reversed,   // a later "not-spam" is known already
};
// `counted` means in the cohort of the message: where sent->epoch is not the tenant's epoch of now,
// an unblock has put that cohort behind it. "counted", "duplicate", ...: stable, a fact of the
// journal event.
std::string_view to_string(complaint_effect e) noexcept;

struct complaint_outcome {
  complaint_effect effect = complaint_effect::not_sent;
  std::optional<sent_record> sent;  // what the complaint is about; none when not_sent
};

// Table handles and the age limit only. Any thread may read, the writer's may change.
class tally {
 public:
  tally(store_env& env, int complaint_max_age_days);  // at start

  // Counts N only for bulk.
  delivery_effect record_delivered(write_txn& txn, const delivery_facts& d) const;

  // Only for reports that are verified (RULES C2): whoever calls has checked the reporter.
  complaint_outcome record_complaint(write_txn& txn, recipient_id recipient, instant at) const;
  // "not-spam" (RULES C3): complaints up to `at` no longer stand. True: C shrank.
  bool reverse_complaint(write_txn& txn, recipient_id recipient, instant at) const;
  void mark(write_txn& txn, recipient_id recipient, sent_mark what) const;

  std::optional<sent_record> find(const read_txn& txn, recipient_id recipient) const;

  // The sums as they are stored, for an export and back. label: the campaign, or the day as
  // YYYY-MM-DD. A campaign's name of more than 200 bytes is cut and ends with its digest.
  struct sum_row {
    bool by_day = false;
    std::uint32_t epoch = 1;
    std::string label;
    complaint_count count;
  };
  std::vector<sum_row> sums(const read_txn& txn, tenant_id tenant, bool by_day, std::size_t rows,
                            std::string& resume) const;
  void restore(write_txn& txn, tenant_id tenant, const sum_row& row) const;

  // For the removal of a tenant. Its deliveries, by a walk over all: at most `rows` looked at,
  // `limit` found; next: where to go on, empty at the end. forget() leaves the sums alone: they go
  // with the tenant's own rows. 0: there was none.
  std::vector<recipient_id> sent_of(const read_txn& txn, tenant_id tenant,
                                    const std::string& resume, std::size_t rows, std::size_t limit,
                                    std::string& next) const;
  std::size_t forget(write_txn& txn, recipient_id recipient) const;

  // The tenant over the window that ends today, and one campaign of the epoch: what a complaint can
  // have changed.
  tenant_figures figures_with(const read_txn& txn, tenant_id tenant, std::uint32_t epoch,
                              day_window window, std::string_view campaign) const;
  // The same with all campaigns of the epoch, at most campaigns_max, in the order of their names.
  tenant_figures figures(const read_txn& txn, tenant_id tenant, std::uint32_t epoch,
                         day_window window, std::size_t campaigns_max) const;
  // Beside them, for who looks (RULES C6): sorted by name.
  std::vector<provider_figures> providers(const read_txn& txn, tenant_id tenant,
                                          std::uint32_t epoch, day_window window) const;
  // The most that was delivered on one day of the window, in that epoch.
  std::uint64_t busiest_day(const read_txn& txn, tenant_id tenant, std::uint32_t epoch,
                            day_window window) const;

 private:
  // What a change made of a record, and how C, over all cohorts, moved by it.
  struct update {
    sent_record before;
    sent_record after;
    int complaints = 0;
    bool touches_complaints = false;  // their cohorts may be others
  };
  template <class Change>
  update change(write_txn& txn, recipient_id recipient, Change merge_in) const;
  std::optional<sent_record> carrier(const read_txn& txn, std::string_view group) const;
  bool stands(const sent_record& r) const;
  void add(write_txn& txn, const sent_record& cohorts, int delivered, int complaints) const;

  int max_age_days_;
  table sent_;
  table complaints_;
  table campaign_tallies_;
  table day_tallies_;
  table provider_tallies_;
};

}  // namespace consentry::reputation
