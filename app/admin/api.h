// The operators' resources. One file per resource; each takes the whole request behind its prefix.
//
//   /v1/tenants[/NAME[/state|contact-link|erase|domains[/DOMAIN/check|remove]|credentials
//                    |templates[/FINGERPRINT/revoke]|exports[/ID[/remove]]|consents|standing|block|unblock]]
//   /v1/tenant-imports[/ID[/apply]]
//   tenants_resource, consents_resource, /v1/queue[/MESSAGE|/hold|/release|/purge] /v1/why/MESSAGE
//   standing_resource, queue_resource, why_resource /v1/journal[/verify]    /v1/stats
//   journal_resource, stats_resource
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>

#include "app/admin/http_server.h"
#include "app/live_settings.h"
#include "app/store_rooms.h"
#include "app/tenant_services.h"
#include "base/clock.h"
#include "base/worker_pool.h"
#include "queue/queue_stats.h"

namespace consentry::app::admin {

// All outlive the server.
struct api_context {
  store_rooms& rooms;
  live_settings& live;
  worker_pool& workers;
  const wall_clock& clock;
  std::filesystem::path dkim_folder;
  std::string host_name;
  std::string bounce_domain;
  std::string egress_hint;  // what SPF must permit, in words
  std::function<queue::queue_stats()> queue_stats;
  std::function<void(instant due)> notify_queue;
  std::function<void()>
      reload_dkim_keys;  // after new ones were written; throws configuration_error
  std::size_t sessions() const { return count_sessions ? count_sessions() : 0; }
  std::function<std::size_t()> count_sessions;
  instant started_at{};
  tenant_services* care = nullptr;  // nullptr: what needs mail or DNS is answered 503
};

using resource = boost::asio::awaitable<response>;

// Finds the resource. 404, 405 and 400 as problem+json.
resource serve(api_context& c, request r);

resource tenants_resource(api_context& c, request r);
resource sender_domains_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource exports_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource tenant_imports_resource(api_context& c, request r);
resource templates_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource credentials_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource consents_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource standing_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource queue_resource(api_context& c, request r);
resource why_resource(api_context& c, request r);
resource journal_resource(api_context& c, request r);
resource stats_resource(api_context& c, request r);

// "desk:<login>", for the journal.
std::string actor_of(const request& r);

// A failure as a problem: invalid 422, not_found 404, conflict 409, refused 403, storage_full 507,
// else 503.
response problem_of(const failure& f);

// A JSON object in a request body. Unknown members, wrong types and missing texts give a
// configuration_error, which the server answers with 422.
class json_body {
 public:
  explicit json_body(const std::string& text);
  std::string text(std::string_view name, std::string otherwise = {});
  std::string required_text(std::string_view name);
  void finish() const;

 private:
  boost::json::object members_;
  std::vector<std::string> known_;
};

// A number in the query, bounded; configuration_error if it is none.
std::uint64_t number_of(const request& r, const std::string& name, std::uint64_t otherwise,
                        std::uint64_t most);

}  // namespace consentry::app::admin
