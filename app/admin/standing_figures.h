// A tenant's figures of now and what they call for, for the pages that show them.
#pragma once

#include "app/admin/api.h"
#include "reputation/standing.h"

namespace consentry::app::admin {

struct standing_now {
  reputation::standing stored;
  reputation::tenant_figures figures;  // with at most 100 campaigns
  reputation::standing_decision decision;
};

reputation::standing_knobs standing_knobs_of(const api_context& c);
standing_now figures_of(const api_context& c, const read_txn& txn, tenant_id tenant);

}  // namespace consentry::app::admin
