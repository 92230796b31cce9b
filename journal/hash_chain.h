// Each journal entry carries the hash of all before it: whoever changes, removes or inserts one
// must recompute every later hash, and no longer agrees with any copy of a later hash kept
// elsewhere.
#pragma once

#include <string_view>

#include "base/ids.h"
#include "base/secret.h"

namespace consentry::journal {

// What stands before the first entry: 32 zero bytes.
inline constexpr digest256 chain_start{};

// SHA-256(previous hash, be64 seq, encoded event).
digest256 chain_hash(const digest256& previous, journal_seq seq, std::string_view encoded_event);

}  // namespace consentry::journal
