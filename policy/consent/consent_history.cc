#include "policy/consent/consent_history.h"

#include <algorithm>

namespace consentry::policy::consent {

std::vector<journal::entry> history_of(const read_txn& txn, const journal::event_journal& journal,
                                       const consent_ledger& ledger, tenant_id tenant,
                                       std::string_view person, std::size_t limit) {
  auto found = journal.of_person(txn, tenant, person, limit);
  for (const auto& c : ledger.list(txn, tenant, person)) {
    const auto seq = c.record.import_entry;
    if (!seq || std::ranges::find(found, seq, &journal::entry::seq) != found.end()) continue;
    // Older ranges of the journal may have been archived.
    if (auto e = journal.read(txn, seq)) found.push_back(std::move(*e));
  }
  std::ranges::sort(found, {}, &journal::entry::seq);
  if (found.size() > limit)
    found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(limit));
  return found;
}

}  // namespace consentry::policy::consent
