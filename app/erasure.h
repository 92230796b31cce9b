// A person is erased (RULES A2 10, D4): unreadable with one commit, and gone from the disk by the
// next store_maintenance.
//
//   look       open mail to the person, and notices that name them (reads only)
//   commit     consents, name and address, queued mail, tombstone, journal, and the intent to go
//   on;
//              again for mail that came in meanwhile, until there is none
//   redact     new bodies, a few MiB a commit, where others wait for the same message
//   scrub      ended mail, verdicts, texts that were kept as they came
//   (hooks)    the files of others
//   complete   the intent goes; from now on only the disk remembers
//
// After a crash, or a failure that nobody asked about again, resume_erasures() goes on.
// What stays is the pseudonym with date and reason: a consent not newer than that is refused when
// it comes again. docs/decisions/erasure.md says what happens to shared bodies.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/store_rooms.h"
#include "base/clock.h"
#include "queue/named_person.h"

namespace consentry::app {

class import_runner;

struct erased_person {
  tenant_id tenant;
  std::string person;        // pseudonym
  queue::named_person name;  // to look for
};
// Rooms that keep files of their own (uploads of imports, say) take the person out of them. Gives
// how many were changed. Called on the caller's thread, after the commit; repeated erasures repeat
// it.
using erasure_hook = std::function<result<std::uint64_t>(const erased_person&)>;

// A hook for a folder: in every file below it the address, and the name where it stands near, are
// overwritten in place with as many "x". A row of an import that lost its address so is refused.
erasure_hook blank_below(std::filesystem::path folder);
// The hooks of the daemon: rejects, samples and open uploads of the tenant's imports.
std::vector<erasure_hook> erasure_hooks_of(const std::filesystem::path& store, store_rooms& rooms,
                                           import_runner& imports);

struct erasure_request {
  tenant_id tenant;
  std::string address;  // smtp::mailbox::key()
  std::string reason;   // must not name the person: invalid
  std::string actor;
  // policy::consent::erased_method or corrected_method: what the tombstone says.
  std::string method = "erased";
  std::optional<instant> at;   // a replayed erasure keeps its time; none: now
  bool only_if_known = false;  // no tombstone for whom nothing is known of
  std::string name;            // declared, where the ledger has forgotten it; else looked up
};

struct erasure_report {
  std::string person;
  instant at{};
  bool was_known = false;
  std::uint64_t consents = 0;
  std::uint64_t cancelled = 0;  // recipients of queued mail
  std::uint64_t notices = 0;    // cancelled ones about the person
  std::uint64_t redacted = 0;   // bodies that others share
  std::uint64_t scrubbed = 0;   // rows of ended mail, verdicts
  std::uint64_t files = 0;      // changed by hooks
};

struct erasure_parts {
  store_rooms& rooms;
  const wall_clock& clock;
  const std::vector<erasure_hook>& hooks;
};

// Blocks, as long as a walk through the tenant's queue and the ended mail takes: a worker. What was
// committed before a failure stays; asking again goes on. invalid, not_found (no such tenant).
result<erasure_report> erase_person(const erasure_parts& parts, const erasure_request& r);
// In every tenant that knows the address.
result<std::vector<std::pair<tenant_id, erasure_report>>> erase_everywhere(
    const erasure_parts& parts, const std::string& address, const std::string& reason,
    const std::string& actor);

// Goes on with those that were begun before that time and are not complete. Gives how many; the
// first failure ends it. Blocks like erase_person.
result<std::size_t> resume_erasures(const erasure_parts& parts, instant begun_before);

// Inside an operation, where only the pseudonym is known (a replayed journal): consents, person and
// tombstone. True: that was news.
bool erase_records(write_txn& txn, store_rooms& rooms, tenant_id tenant, std::string_view person,
                   instant at, std::string_view method, std::string_view reason,
                   const policy::consent::act& by);

}  // namespace consentry::app
