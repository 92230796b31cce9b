// Counters, taken from memory and from counter rows: never a walk through the store.
#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/store_maintenance.h"

namespace consentry::app::admin {

resource stats_resource(api_context& c, request r) {
  if (r.method != "GET") co_return problem(405, "GET /v1/stats");
  const auto q = c.queue_stats();
  const auto active = c.live.policy.get();
  auto journal_last =
      c.rooms.env.read([&](read_txn& txn) { return c.rooms.journal.last(txn).value; });
  if (!journal_last) co_return problem_of(journal_last.error());
  boost::json::object o;
  o["uptime_s"] = (c.clock.now() - c.started_at).count() / 1000;
  o["policy_version"] = active->set->version;
  o["sending"] = c.is_sending;
  o["sessions"] = c.sessions();
  o["queue"] = boost::json::object{{"queued", q.queued},       {"held", q.held},
                                   {"in_flight", q.in_flight}, {"working_set", q.working_set},
                                   {"delivered", q.delivered}, {"deferred", q.deferred},
                                   {"bounced", q.bounced},     {"notices", q.notices},
                                   {"parked", q.parked},       {"gate_held", q.gate_held}};
  o["spool"] = boost::json::object{{"segments", q.spool_segments}, {"bytes", q.spool_bytes}};
  o["store"] = boost::json::object{{"bytes", c.rooms.env.file_bytes()},
                                   {"free_disk_bytes", c.rooms.env.free_disk_bytes()},
                                   {"commits", c.rooms.commits.commits()},
                                   {"operations", c.rooms.commits.operations()},
                                   {"renewals_pending", c.rooms.renewals.pending()}};
  if (c.maintenance != nullptr) o["maintenance"] = c.maintenance->status();
  o["journal"] = boost::json::object{{"last", *journal_last}};
  co_return json_response(o);
}

}  // namespace consentry::app::admin
