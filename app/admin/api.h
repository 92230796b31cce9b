// The resources behind the table of routes (access.h, routes.cc). One file per resource; each takes
// the whole request.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "app/admin/console_session.h"
#include "app/admin/http_server.h"
#include "app/console_settings.h"
#include "app/desk_board.h"
#include "app/erasure.h"
#include "app/import_runner.h"
#include "app/live_settings.h"
#include "app/outcome_feed.h"
#include "app/public/rate_limit.h"
#include "app/store_rooms.h"
#include "app/tenant_services.h"
#include "base/clock.h"
#include "base/worker_pool.h"
#include "queue/courier.h"
#include "queue/queue_stats.h"
#include "queue/site_replies.h"
#include "queue/trace_board.h"
#include "queue/working_set.h"

namespace consentry::app {
class policy_trials;
class policy_versions;
class queue_orders;
class report_services;
class sign_up_desk;
class store_maintenance;
}  // namespace consentry::app

namespace consentry::app::admin {

// Who is less than an admin on the Unix socket: logins, or "@group".
struct socket_roles {
  std::vector<std::string> desk;
  std::vector<std::string> auditor;
};

// Which lists staff looked at lately, so that a listing of many pages is entered once. Any thread.
class recent_looks {
 public:
  bool is_new(const std::string& look, instant now, std::chrono::milliseconds within);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, instant> seen_;
};

// How many texts one person may have checked: 600 at once, and again as many in each minute. Any
// thread.
class text_check_bound {
 public:
  bool take(const request& r);

 private:
  std::mutex mutex_;
  public_pages::rate_limit checks_{600, std::chrono::seconds{60}};
};

// All outlive the server.
struct api_context {
  store_rooms& rooms;
  live_settings& live;
  worker_pool& workers;
  const wall_clock& clock;
  smtp::auth::key_folder dkim_folder;
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
  admin::socket_roles socket_roles{};
  recent_looks looks{};
  text_check_bound text_checks{};
  sign_in_guard sign_ins{};
  desk_board board{};
  std::atomic<int> followers{0};  // of /v1/events
  console_settings console{};
  tenant_services* care = nullptr;   // nullptr: what needs mail or DNS is answered 503
  sign_up_desk* sign_ups = nullptr;  // never null in a running gateway
  store_maintenance* maintenance = nullptr;
  std::vector<erasure_hook> erasure_hooks;  // rooms that keep files of their own add theirs
  std::chrono::hours erase_max{24};
  std::size_t password_length_min = 12;
  bool is_sending = true;               // false: a restored store whose journal was not replayed
  import_runner* imports = nullptr;     // never null in a running gateway
  policy_versions* policies = nullptr;  // never null in a running gateway
  policy_trials* trials = nullptr;      // never null in a running gateway
  // Of the deliveries; never empty in a running gateway. Without orders a request waits until all
  // is done.
  queue_orders* orders = nullptr;
  queue::courier* carrier = nullptr;
  queue::trace_board* traces = nullptr;
  const queue::site_replies* site_replies = nullptr;
  std::function<std::shared_ptr<const std::vector<queue::working_set::path_state>>()> paths{};
  std::function<void()> stops_changed{};
  report_services* reporting = nullptr;  // never null in a running gateway
  feed_waits outcome_waits{};
  std::filesystem::path token_keys;  // the folder of token.N.key
  std::chrono::hours complaint_max_age{24 * 90};
};

using resource = boost::asio::awaitable<response>;

// Finds the resource, once more asks whether whoever asks may, and lets it answer.
resource serve(api_context& c, request r);

resource tenants_resource(api_context& c, request r);
resource sender_domains_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource dkim_resource(api_context& c, request r);
resource preflight_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource whose_domain_resource(api_context& c, request r);
resource exports_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource tenant_imports_resource(api_context& c, request r);
resource appeals_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource all_appeals_resource(api_context& c, request r);
resource exemptions_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource templates_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource credentials_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource consents_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource forms_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource sign_ups_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource doi_templates_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource write_consents(api_context& c, const policy::tenants::tenant& t, request r);
resource withdraw_consent(api_context& c, const policy::tenants::tenant& t, request r);
resource object_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource evidence_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource notices_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource imports_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource standing_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource reports_resource(api_context& c, request r);
resource complaints_resource(api_context& c, request r);
resource report_days_resource(api_context& c, request r);
resource token_keys_resource(api_context& c, request r);
resource campaigns_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource persons_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource all_persons_resource(api_context& c, request r);
resource store_resource(api_context& c, request r);
resource queue_resource(api_context& c, request r);
resource queue_counts_resource(api_context& c, request r);
resource queue_sites_resource(api_context& c, request r);
resource traces_resource(api_context& c, request r);
resource queue_stops_resource(api_context& c, request r);
resource tenant_queue_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource why_resource(api_context& c, request r);
resource tenant_why_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource journal_resource(api_context& c, request r);
response export_journal(api_context& c, const request& r);
resource stats_resource(api_context& c, request r);
resource staff_resource(api_context& c, request r);
resource tenant_users_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource audit_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource outcomes_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource sent_resource(api_context& c, request r);
resource tenant_sent_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource message_pack_resource(api_context& c, request r);
resource person_pack_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource availability_resource(api_context& c, request r);
resource webhooks_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource suppressions_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource platform_suppressions(api_context& c, request r);
resource policy_resource(api_context& c, request r);
resource desk_samples_resource(api_context& c, request r);
resource policy_trial_resource(api_context& c, request r);
resource check_text_resource(api_context& c, request r);
resource me_resource(api_context& c, request r);
resource session_resource(api_context& c, request r);
resource cases_resource(api_context& c, request r);
resource events_resource(api_context& c, request r);
resource minutes_resource(api_context& c, request r);
resource standings_resource(api_context& c, request r);
resource standing_days_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource content_resource(api_context& c, request r);
resource tenant_content_resource(api_context& c, const policy::tenants::tenant& t, request r);
resource openapi_resource(api_context& c, request r);
resource routes_resource(api_context& c, request r);

// For the journal: "desk:<login>", or "tenant:<login>" for a tenant's own people.
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
  bool has(std::string_view name) const { return members_.contains(name); }
  const boost::json::object* object(std::string_view name);  // nullptr: absent
  std::vector<std::string> texts(std::string_view name);     // a list of strings; empty: absent
  std::optional<bool> flag(std::string_view name);
  std::optional<std::uint64_t> number(std::string_view name);
  void finish() const;

 private:
  boost::json::object members_;
  std::vector<std::string> known_;
};

// "2026-12-31" is its last moment in Budapest, a timestamp itself; empty is nullopt.
// configuration_error, naming the member, for what is neither.
std::optional<instant> end_of(const std::string& text, std::string_view name);

// A number in the query, bounded; configuration_error if it is none.
std::uint64_t number_of(const request& r, const std::string& name, std::uint64_t otherwise,
                        std::uint64_t most);

}  // namespace consentry::app::admin
