// What Prometheus reads, and what load balancers ask: beside the table of routes, because they have
// no person behind them (docs/operations.md).
//
//   GET /healthz   200 while the process answers and its store is sound; else 503. Everybody
//   GET /readyz    200 while it takes and sends mail; else 503, with reasons. Everybody
//   GET /metrics   staff, the Unix socket, or the token of [metrics] token_file
//
// The number of series is bounded: no label names a person, a tenant, a campaign or a domain.
#pragma once

#include "app/admin/api.h"

namespace consentry::app {

bool is_probe(const admin::request& r);

// Why not, or nullopt. r.bearer is looked at and left.
std::optional<admin::response> probe_refusal(const admin::api_context& c, const admin::request& r);

// Quick, but for standings, which it counts in a short read of the store.
admin::response answer_probe(const admin::api_context& c, const admin::request& r);

}  // namespace consentry::app
