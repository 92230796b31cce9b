// What the rooms beside ledger and queue keep of a person.
#include "app/erasure.h"
#include "app/import_runner.h"

namespace consentry::app {

std::vector<erasure_hook> erasure_hooks_of(const std::filesystem::path& store, store_rooms& rooms,
                                           import_runner& imports) {
  std::vector<erasure_hook> out;
  // Whole lines of reject files first: they hold the row as it came.
  out.push_back([&rooms, &imports](const erased_person& who) -> result<std::uint64_t> {
    imports.forget_rejected(who.tenant, who.name.address());
    const auto sample = imports.platform_hash(who.name.address());
    auto done = rooms.commits.run(
        [&](write_txn& txn) { rooms.imports.forget_sample(txn, who.tenant, sample); });
    if (!done) return done.error();
    return std::uint64_t{0};
  });
  for (const char* folder : {"imports", "exports"}) out.push_back(blank_below(store / folder));
  return out;
}

}  // namespace consentry::app
