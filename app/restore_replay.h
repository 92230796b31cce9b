// After a restore from an older copy: what the journal off the host tells of the time since then
// (RULES A2 8, D4), in its order. Exactly once: the place reached is committed with what was done.
//
//   table restore   "reached" -> be64 seq, hash(32)      in the chain of the file
//   table restore   "begun"   -> the same: the copy's last entry, before it wrote any of its own
//
// Replayed: withdrawals, erasures, suppressions and their ends, complaints (with the counting),
// deliveries and failures (so that nothing is sent twice, and complaints find what they are about),
// standings and tenant states as they were decided. Not replayed, because the journal does not hold
// it: consents given and persons corrected since then. The report counts them.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "app/erasure.h"
#include "app/store_rooms.h"
#include "base/clock.h"

namespace consentry::app {

struct replay_report {
  journal_seq from, through;  // entries looked at; 0: the file holds nothing newer
  std::map<std::string, std::uint64_t> replayed;    // by kind: entries that changed something
  std::map<std::string, std::uint64_t> unchanged;   // known already
  std::map<std::string, std::uint64_t> impossible;  // consents given since then, unknown tenants
};

// At the start of a store that is marked as restored, before anything is written to it: remembers
// where its own history ends, and leaves a gap in the numbers, so that mail taken from now on is
// not mistaken for mail that the journal will tell of. Once; later starts change nothing. A store
// that is not marked: nothing.
result<void> begin_restored(store_rooms& rooms);

// Before anything listens or sends; blocks. invalid: the file does not read, its chain is broken,
// or it is not the history of this store. New numbers begin behind all that the file names. When
// all is done the mark of a restored store goes.
result<replay_report> replay_journal(const erasure_parts& parts, const std::filesystem::path& file);

}  // namespace consentry::app
