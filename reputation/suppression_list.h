// The suppressions in the store.
//
//   table suppressions   be32 tenant (0: platform), pseudonym(16) -> suppression
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/lmdb_env.h"
#include "journal/event_journal.h"
#include "reputation/suppression.h"

namespace consentry::reputation {

// Table handles only. Any thread may read, the writer's may change. `person` is always 16 bytes.
class suppression_list {
 public:
  // At start. `journal` must outlive it.
  suppression_list(store_env& env, const journal::event_journal& journal);

  // tenant 0 is the platform. Merges with what is there; false: that changed nothing. Otherwise
  // journals `suppressed`.
  bool add(write_txn& txn, tenant_id tenant, std::string_view person, const suppression& s,
           std::string_view actor) const;
  // invalid: actor or reason is blank; not_found. Journals `unsuppressed`.
  result<void> remove(write_txn& txn, tenant_id tenant, std::string_view person,
                      std::string_view actor, std::string_view reason, instant at) const;

  // Where it came from is free text and may name the person: an erasure leaves "erased" where it
  // holds an address, or what `names` knows.
  void forget_source(write_txn& txn, tenant_id tenant, std::string_view person,
                     const std::function<bool(std::string_view)>& names = {}) const;
  // All of a tenant's, expired ones too, at most `rows` a call. resume: empty to begin; empty again
  // at the end. restore: as all() gave it, journaled by whoever restores.
  struct listed {
    std::string person;
    suppression what;
  };
  // In order of pseudonym, from behind `after` (empty: from the first), at most limit that are in
  // force. Looks at no more than 10 000 a call: a page may be short and yet have a next.
  struct page {
    std::vector<listed> entries;
    std::string next;  // the `after` to go on with; empty at the end
  };
  page list(const read_txn& txn, tenant_id tenant, std::string_view after, std::size_t limit,
            std::optional<suppression_reason> only, instant now) const;
  std::vector<listed> all(const read_txn& txn, tenant_id tenant, std::size_t rows,
                          std::string& resume) const;
  void restore(write_txn& txn, tenant_id tenant, const listed& l) const;

  // nullopt: may get mail. An expired one is as none.
  std::optional<suppression> find(const read_txn& txn, tenant_id tenant, std::string_view person,
                                  instant now) const;

 private:
  const journal::event_journal& journal_;
  table suppressions_;
};

}  // namespace consentry::reputation
