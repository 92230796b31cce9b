// The terms of each tenant, stored once and named by their content.
//
//   consent_terms   tenant(4) id(6)       -> consent_terms
//   consent_terms   tenant(4) 000000000000 -> varint how many
//
// A record and its terms are written in one transaction, so a reader whose snapshot shows the
// record finds the terms in the same snapshot, or in memory. What is kept in memory can never be
// wrong, not even after a transaction that was dropped: the id follows from the content.
#pragma once

#include <memory>

#include "base/lmdb_env.h"
#include "policy/consent/append_cache.h"
#include "policy/consent/consent_codec.h"

namespace consentry::policy::consent {

class terms_table {
 public:
  struct options {
    std::uint64_t per_tenant_max = 4096;  // beyond it, records carry their terms themselves
    std::size_t bytes_max = 1024;         // of one entry
  };

  terms_table(store_env& env, options o);  // at start only

  // Any thread. The pointer lives as long as the table, or `kept` keeps it. Throws decode_error.
  const consent_terms* find(const read_txn& txn, tenant_id tenant, terms_id id,
                            std::shared_ptr<const consent_terms>& kept) const;

  // The id of the record's terms, stored if they were not. 0: they are too long, or the tenant has
  // too many.
  terms_id intern(write_txn& txn, tenant_id tenant, const consent_record& r) const;

 private:
  struct cached {
    tenant_id tenant;
    terms_id id = 0;
    consent_terms terms;
  };
  options options_;
  table terms_;
  mutable append_cache<cached> cache_;
};

}  // namespace consentry::policy::consent
