// Import jobs, and which addresses came by whose imports.
//
//   table imports             be64 id -> import_job
//   table imports_of_tenant   be32 tenant, be64 id -> ""
//   table import_samples      be64 platform hash of an address, be32 tenant -> ""
//
// Samples hold one address in eight under a key of the platform's own: enough to say which share of
// a new list others hold too, to the desk alone.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "app/import_job.h"
#include "base/lmdb_env.h"
#include "base/snapshot.h"

namespace consentry::app {

// Any thread may read, the writer's may change.
class import_store {
 public:
  explicit import_store(store_env& env);  // at start

  // Gives it the next number and stores it.
  import_id add(write_txn& txn, import_job& j) const;
  void put(write_txn& txn, const import_job& j) const;
  std::optional<import_job> find(const read_txn& txn, import_id id) const;
  // The newest first.
  std::vector<import_job> of_tenant(const read_txn& txn, tenant_id tenant, std::size_t limit) const;
  // Every one that wanted(job), the oldest first. Reads all: at start, and for the clean-up.
  template <class Wanted>
  std::vector<import_job> all(const read_txn& txn, Wanted wanted) const {
    std::vector<import_job> out;
    auto c = txn.scan(jobs_);
    for (bool more = c.first(); more; more = c.next())
      if (auto j = decode_import_job(c.value()); wanted(j)) out.push_back(std::move(j));
    return out;
  }
  // Later than any that an import of the tenant has had, and not before `wall`.
  instant unique_now(const read_txn& txn, tenant_id tenant, instant wall) const;

  // The job of a tenant whose consents have this recorded_at.
  std::optional<import_job> find_by_now(const read_txn& txn, tenant_id tenant, instant now) const;

  void add_samples(write_txn& txn, tenant_id tenant, std::span<const std::uint64_t> sorted) const;
  // How many of these other tenants hold too.
  std::uint64_t count_shared(const read_txn& txn, tenant_id tenant,
                             std::span<const std::uint64_t> sorted) const;
  // One address, after an erasure.
  void forget_sample(write_txn& txn, tenant_id tenant, std::uint64_t hash) const;
  // The jobs and samples of a tenant that is gone, at most `rows`; true: there may be more.
  bool remove_tenant(write_txn& txn, tenant_id tenant, std::size_t rows) const;

  // What holds a tenant's campaigns: its import with the highest score that the desk has not
  // released.
  struct suspect {
    import_id id;
    int points = 0;
  };
  std::optional<suspect> suspect_of(tenant_id tenant) const;
  // After a job was finished, scored anew or released.
  void refresh_suspects(const read_txn& txn);

  // How far the journal was followed for what became of imported addresses.
  std::uint64_t followed(const read_txn& txn) const;
  void set_followed(write_txn& txn, std::uint64_t seq) const;

 private:
  table jobs_;
  table by_tenant_;
  table samples_;
  table meta_;
  snapshot<std::map<tenant_id, suspect>> suspects_;
};

}  // namespace consentry::app
