// What the rooms beside ledger and queue keep of a person.
#include "app/complaint_desk.h"
#include "app/desk_samples.h"
#include "app/erasure.h"
#include "app/import_files.h"
#include "app/import_runner.h"

namespace consentry::app {
namespace {

constexpr std::size_t jobs_max = 10'000;

// An upload may wait for its rest for days. Only the tenant's own: another one's list is not ours
// to change.
erasure_hook blank_open_imports(const std::filesystem::path& root, store_rooms& rooms) {
  return [files = import_files{root}, &rooms](const erased_person& who) -> result<std::uint64_t> {
    const auto jobs = rooms.env.read(
        [&](read_txn& txn) { return rooms.imports.of_tenant(txn, who.tenant, jobs_max); });
    if (!jobs) return jobs.error();
    std::uint64_t changed = 0;
    for (const auto& j : *jobs) {
      if (!j.is_open()) continue;
      const auto done = blank_below(files.folder(j.id))(who);
      if (!done) return done.error();
      changed += *done;
    }
    return changed;
  };
}

}  // namespace

std::vector<erasure_hook> erasure_hooks_of(const std::filesystem::path& store, store_rooms& rooms,
                                           import_runner& imports) {
  // In this order: a job that ends between the two has been looked at by the first.
  return {blank_open_imports(store / "imports", rooms), imports.hook_for_erasures(),
          hook_for_desk_samples(rooms), hook_for_reports(rooms)};
}

}  // namespace consentry::app
