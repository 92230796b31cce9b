// What the desk decided of held mail, as labelled samples (RULES F10): released for its content is
// "clean", purged is the category that held it. `policy test` measures a policy on them.
//
//   table desk_samples   be32 tenant, fingerprint(16) -> desk_sample
//
// One for each content: the newest decision counts. The recipients are taken out before it is kept;
// whom else a text names is taken out when that person is erased.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/erasure.h"
#include "app/queue_control.h"
#include "app/store_rooms.h"
#include "base/clock.h"
#include "base/lmdb_env.h"

namespace consentry::app {

inline constexpr std::size_t desk_samples_per_tenant_max = 200;
inline constexpr std::size_t desk_sample_bytes_max = 256u << 10;

// Collects what an order is about to decide. Blocks: reads bodies. At most 20 contents; mail that
// is larger than desk_sample_bytes_max or has more than 100 recipients is left out.
std::vector<desk_sample> samples_of(store_rooms& rooms, const queue_order& order, instant now);

// Keeps them; of a tenant the newest desk_samples_per_tenant_max.
void keep_samples(write_txn& txn, store_rooms& rooms, const std::vector<desk_sample>& samples);

// Takes a person out of the samples of a tenant.
erasure_hook hook_for_desk_samples(store_rooms& rooms);

}  // namespace consentry::app
