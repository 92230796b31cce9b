// How many recipients wait: of whom, since when, for where, and why they are held. Changed in the
// same transaction as what is counted, so that nobody who asks counts rows.
//
//   counts           be32 tenant, u8 stream                       -> queue_counts
//   campaign_counts  be32 tenant, u8 stream, campaign, be32 hour  -> queue_counts
//   domain_counts    domain, 0, be32 tenant                       -> queue_counts  (no messages)
//   held_counts      be32 tenant, u8 stream, reason               -> recipients
//
// hour: of acceptance, since 1970. A row that counts nothing is erased; those of a tenant and
// stream stay. A message touches one row of each of the first three: the hour and the large
// domains are the same for all of a commit.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/lmdb_env.h"
#include "queue/queued_message.h"

namespace consentry::queue {

struct queue_counts {
  std::uint64_t queued = 0;  // recipients
  std::uint64_t held = 0;
  std::uint64_t messages = 0;  // open
  std::uint64_t deferred = 0;  // of the queued: tried before
  friend bool operator==(const queue_counts&, const queue_counts&) = default;
  queue_counts& operator+=(const queue_counts& other) noexcept;
  bool is_zero() const noexcept { return *this == queue_counts{}; }
};

// What one operation on the store changes, gathered.
class waiting_changes {
 public:
  // Counts a recipient as it stands, once more (by 1) or no more (by -1). Final states count
  // nowhere. domain: where it is bound for, also when r is blank already.
  void recipient(const queued_message& m, const queued_recipient& r, std::string_view domain,
                 int by);
  void message(const queued_message& m, int by);

 private:
  friend class waiting_counts;
  struct delta {
    std::int64_t queued = 0, held = 0, messages = 0, deferred = 0;
  };
  std::map<std::string, delta> by_stream_, by_campaign_, by_domain_, by_reason_;
};

class waiting_counts {
 public:
  explicit waiting_counts(store_env& env);  // opens the tables

  void apply(write_txn& txn, const waiting_changes& changes) const;

  queue_counts of(const read_txn& txn, tenant_id tenant = {},
                  std::optional<smtp::stream> stream = {}) const;

  // Unset parts match all. A page costs at most `rows_per_page` rows; resume: where it ended,
  // empty: that was all.
  struct campaign_counts {
    tenant_id tenant;
    smtp::stream stream = smtp::stream::bulk;
    std::string campaign;
    queue_counts waiting;
    instant oldest{};  // the hour in which the oldest was accepted
  };
  std::vector<campaign_counts> by_campaign(const read_txn& txn, tenant_id tenant,
                                           std::optional<smtp::stream> stream,
                                           const std::optional<std::string>& campaign,
                                           std::string& resume, std::size_t limit) const;

  // By hour of acceptance, oldest first; summed over at most rows_per_page rows: is_whole says
  // whether that was all.
  struct ages {
    std::map<instant, queue_counts> by_hour;
    bool is_whole = true;
  };
  ages by_age(const read_txn& txn, tenant_id tenant, std::optional<smtp::stream> stream,
              const std::optional<std::string>& campaign) const;

  struct domain_counts {
    std::string domain;
    queue_counts waiting;
  };
  std::vector<domain_counts> by_domain(const read_txn& txn, tenant_id tenant, std::string& resume,
                                       std::size_t limit) const;
  queue_counts of_domain(const read_txn& txn, std::string_view domain, tenant_id tenant = {}) const;

  struct reason_counts {
    tenant_id tenant;
    smtp::stream stream = smtp::stream::bulk;
    std::string reason;
    std::uint64_t held = 0;
  };
  std::vector<reason_counts> by_reason(const read_txn& txn, tenant_id tenant, std::string& resume,
                                       std::size_t limit) const;

  static constexpr std::size_t rows_per_page = 100'000;

 private:
  table by_stream_, by_campaign_, by_domain_, by_reason_;
};

}  // namespace consentry::queue
