// Labelled samples from the desk, as rows (desk_samples.h has the table).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/lmdb_env.h"

namespace consentry::app {

struct desk_sample {
  tenant_id tenant;
  std::string fingerprint;  // 16 bytes: of the content
  message_id message;       // one that had it
  instant at{};             // of the decision
  std::string label;        // "clean", "S3"
  std::string actor;        // who decided
  std::string reason;
  std::string policy_version;  // under which it was held
  std::string mail;            // without its recipients
};

// Where a page ends; empty: at the beginning, and after the last.
using desk_sample_place = std::string;

// Table handle only. Any thread may read, the writer's may change. Throws decode_error.
class desk_sample_store {
 public:
  explicit desk_sample_store(store_env& env);  // at start

  void put(write_txn& txn, const desk_sample& s) const;
  bool erase(write_txn& txn, tenant_id tenant, std::string_view fingerprint) const;
  // Of all tenants, from behind `place` on; moves it.
  std::vector<desk_sample> page(const read_txn& txn, desk_sample_place& place,
                                std::size_t limit) const;
  std::vector<desk_sample> of_tenant(const read_txn& txn, tenant_id tenant) const;

 private:
  table samples_;
};

}  // namespace consentry::app
