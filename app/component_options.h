// What each room wants to know, out of the settings: one place where the units and names of
// consentry.toml meet theirs. Pure but for server_tls_of, which reads the certificate.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "app/admin/http_server.h"
#include "app/dkim_rotation.h"
#include "app/event_log.h"
#include "app/import_runner.h"
#include "app/inbound.h"
#include "app/live_settings.h"
#include "app/outcome_recorder.h"
#include "app/public/site.h"
#include "app/sender_preflight.h"
#include "app/settings.h"
#include "app/store_maintenance.h"
#include "app/store_rooms.h"
#include "queue/bounce_notice.h"
#include "queue/delivery.h"
#include "queue/retry_schedule.h"
#include "queue/route_table.h"
#include "queue/scheduler.h"
#include "queue/smtp_transport.h"
#include "smtp/dns/resolver.h"
#include "smtp/server/session_settings.h"

namespace consentry::app {

// Strangers: little to say, and no time to take.
inline constexpr admin::http_limits public_limits{.body_bytes_max = 64u << 10,
                                                  .connections_max = 512,
                                                  .request_timeout = std::chrono::seconds{15},
                                                  .answer_timeout = std::chrono::seconds{30}};

unsigned worker_count(const settings& s);

event_log_settings event_log_of(const settings& s);
preflight_options preflight_of(const settings& s);
dkim_rotation_options rotation_of(const settings& s);
maintenance_options maintenance_of(const settings& s,
                                   std::function<result<std::size_t>(instant)> finish_erasures);
store_options store_options_of(const settings& s);
// Reads the platform key and the lists. Throws configuration_error.
import_runner::options imports_of(const settings& s);
queue::retry_settings retry_of(const settings& s);
queue::notice_settings notices_of(const settings& s);
queue::scheduler_settings scheduler_of(const settings& s);
// Throws configuration_error.
std::shared_ptr<const queue::pacing_rules> pacing_of(const settings& s);
std::shared_ptr<const spam_traps> traps_of(const settings& s);
outcome_recorder::provider_source providers_of(const live_settings& live);
std::shared_ptr<const smtp::bounce_rules> bounces_of(const settings& s);
// The parts outlive them.
queue::store_index::tenant_names tenant_names_of(const store_rooms& rooms);
queue::delivery::site_source site_source_of(smtp::dns::resolver& dns, const settings& s);
inbound::options inbound_of(const settings& s);
// Logs that CFBL-Address is not offered where the feedback address's domain has no key (RFC 9477).
void tell_if_unsigned(const smtp::auth::key_ring& keys, const settings& s);
queue::delivery_settings delivery_of(const settings& s);
queue::smtp_transport_settings transport_of(const settings& s);
smtp::dns::resolver_settings resolver_of(const settings& s);
smtp::dns::resolver_settings fresh_resolver_of(const settings& s);  // keeps no answers
smtp::server::session_settings session_of(const settings& s, const listener_settings& l);
public_pages::site_settings site_of(const settings& s);
std::shared_ptr<const queue::route_table> routes_of(const settings& s);

// nullptr inside: no listener speaks TLS. Throws configuration_error.
std::shared_ptr<const std::shared_ptr<boost::asio::ssl::context>> server_tls_of(const settings& s);

}  // namespace consentry::app
