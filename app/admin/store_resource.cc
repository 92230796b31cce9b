// The store itself: compaction and snapshots.
#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/store_maintenance.h"
#include "app/store_snapshot.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;

response compact(api_context& c, const request& r) {
  if (r.method == "GET") return json_response(c.maintenance->status());
  if (r.method != "POST") return problem(405, "only GET and POST");
  if (const auto asked = c.maintenance->ask(); !asked) return problem_of(asked.error());
  return json_response(c.maintenance->status(), 202);
}

resource snapshot_store(api_context& c, const request& r) {
  if (r.method != "POST") co_return problem(405, "only POST");
  json_body body{r.body};
  const auto folder = body.required_text("folder");
  body.finish();
  auto work = [&c, folder] {
    return take_snapshot(
        c.rooms, c.clock, folder,
        {c.rooms.env.folder() / "keys", c.rooms.env.folder() / "imports", c.dkim_folder.path()});
  };
  const auto done = co_await c.workers.run(std::move(work));
  if (!done) co_return problem_of(done.error());
  co_return json_response(json::object{{"folder", folder},
                                       {"journal_last", done->journal_last.value},
                                       {"bytes", done->bytes},
                                       {"segments", done->segments}},
                          201);
}

}  // namespace

resource store_resource(api_context& c, request r) {
  const auto part = r.path.size() > 2 ? r.path[2] : std::string{};
  if (part == "compact") co_return compact(c, r);
  if (part == "snapshot") co_return co_await snapshot_store(c, r);
  co_return problem(404, "no such resource");
}

}  // namespace consentry::app::admin
