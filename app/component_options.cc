#include "app/component_options.h"

#include <boost/asio/ip/address.hpp>
#include <thread>

#include "app/key_store.h"
#include "app/mailbox_provider.h"
#include "base/log.h"

namespace consentry::app {

namespace asio = boost::asio;
namespace server = smtp::server;

unsigned worker_count(const settings& s) {
  return s.server.worker_threads != 0 ? s.server.worker_threads
                                      : std::max(1u, std::thread::hardware_concurrency());
}

store_options store_options_of(const settings& s) {
  return {.folder = s.store.folder,
          .map_size = s.store.map_size,
          .reserve_bytes = s.store.reserve_bytes,
          .complaint_max_age_days = s.complaints.max_age_days};
}

maintenance_options maintenance_of(const settings& s,
                                   std::function<result<std::size_t>(instant)> finish_erasures) {
  maintenance_options out;
  out.erase_max = s.store.erase_max;
  out.reserve_bytes = s.store.reserve_bytes;
  out.finish_erasures = std::move(finish_erasures);
  return out;
}

import_runner::options imports_of(const settings& s) {
  import_runner::options out;
  out.folder = s.store.folder / "imports";
  out.platform_key = load_or_create_key(s.store.folder / "keys", "platform.key");
  out.threads = std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
  std::error_code error;
  if (std::filesystem::exists(s.lists_folder, error))
    out.lists =
        std::make_shared<const policy::consent::known_lists>(policy::consent::load_known_lists(
            s.lists_folder / "role-local-parts.txt", s.lists_folder / "throwaway-domains.txt"));
  else
    log::warn("app/component_options", "no_lists",
              {{"folder", s.lists_folder.string()},
               {"so", "role names and throw-away domains are not told in imports"}});
  return out;
}

preflight_options preflight_of(const settings& s) {
  preflight_options out;
  out.every = s.preflight.every;
  out.addresses = s.preflight.addresses;
  out.return_path_domain = s.mail.bounce_domain;
  out.spf.program = s.preflight.program;
  return out;
}

dkim_rotation_options rotation_of(const settings& s) {
  return {.gateway_domain = s.mail.feedback_address.ascii_domain(),
          .retire_after = s.dkim.retire_after,
          .old_after = s.dkim.old_after,
          .look_every = s.dkim.look_every};
}

queue::retry_settings retry_of(const settings& s) {
  queue::retry_settings out;
  for (auto* rule : {&out.bulk, &out.automation, &out.transactional, &out.doi}) {
    rule->first = s.delivery.retry_first;
    rule->longest = std::min(rule->longest, s.delivery.retry_max);
    if (rule->longest < rule->first) rule->longest = rule->first;
  }
  out.bulk.expiry = out.automation.expiry = s.delivery.expire_bulk;
  out.transactional.expiry = s.delivery.expire_other;
  for (const auto& [stream, given] : s.retry) {
    auto& rule = stream == smtp::stream::bulk         ? out.bulk
                 : stream == smtp::stream::automation ? out.automation
                 : stream == smtp::stream::doi        ? out.doi
                                                      : out.transactional;
    if (given.first) rule.first = *given.first;
    if (given.max) rule.longest = *given.max;
    if (rule.longest < rule.first) rule.longest = rule.first;
    if (given.jitter_percent) rule.jitter = *given.jitter_percent / 100.0;
    if (given.expire) rule.expiry = *given.expire;
  }
  return out;
}

queue::notice_settings notices_of(const settings& s) {
  queue::notice_settings out;
  out.host_name = s.server.host_name;
  out.from = s.mail.postmaster.text();
  out.contact = s.mail.postmaster.text();
  out.delay_after = s.delivery.delay_notice;
  return out;
}

event_log_settings event_log_of(const settings& s) {
  event_log_settings out{.folder = s.events.folder,
                         .rotate_bytes = s.events.rotate_bytes,
                         .keep = s.events.keep,
                         .addresses = s.events.addresses,
                         .erase_max = s.store.erase_max};
  for (const auto& k : s.events.kinds) out.kinds.insert(*journal::parse_event_kind(k));
  return out;
}

queue::scheduler_settings scheduler_of(const settings& s) {
  queue::scheduler_settings out;
  out.in_flight_max = s.delivery.connections_max;
  out.retry = retry_of(s);
  out.notices = notices_of(s);
  out.keep_finished = std::chrono::hours{24} * (s.complaints.max_age_days + 10);
  return out;
}

std::shared_ptr<const spam_traps> traps_of(const settings& s) {
  const auto& file = s.complaints.traps_file;
  return std::make_shared<const spam_traps>(file.empty() ? spam_traps{} : spam_traps::read(file));
}

outcome_recorder::provider_source providers_of(const live_settings& live) {
  return [&live](const std::string& host, const std::string& domain) {
    return find_provider(*live.reporters.get(), host, domain);
  };
}

std::shared_ptr<const queue::pacing_rules> pacing_of(const settings& s) {
  const queue::path_limits otherwise{
      .connections_max = s.delivery.connections_per_destination_max,
      .messages_per_connection_max = s.delivery.messages_per_connection_max};
  queue::source only;
  if (!s.delivery.source_address.empty()) {
    const auto address = asio::ip::make_address(s.delivery.source_address);
    (address.is_v4() ? only.ipv4 : only.ipv6) = address;
  }
  if (s.pacing_file.empty())
    return queue::pacing_rules::parse("", "no file", otherwise, std::move(only));
  return queue::pacing_rules::load(s.pacing_file, otherwise, std::move(only));
}

std::shared_ptr<const smtp::bounce_rules> bounces_of(const settings& s) {
  if (s.bounces_file.empty()) return smtp::bounce_rules::shipped();
  return smtp::bounce_rules::load(s.bounces_file);
}

queue::store_index::tenant_names tenant_names_of(const store_rooms& rooms) {
  return [&rooms](tenant_id id) {
    const auto all = rooms.directory.get();
    const auto* t = all->find(id);
    return t == nullptr ? std::to_string(id.value) : t->name;
  };
}

namespace {

smtp::dns::mx_settings mx_of(const settings& s) {
  return {.own_names = {s.server.host_name}, .allow_loopback = s.dns.allow_loopback};
}

asio::awaitable<result<std::string>> find_site(smtp::dns::resolver& dns, std::string domain,
                                               smtp::dns::mx_settings mx) {
  auto plan = co_await smtp::dns::find_hosts(dns, std::move(domain), std::move(mx));
  if (!plan) co_return plan.error();
  co_return std::move(plan->site);
}

}  // namespace

queue::delivery::site_source site_source_of(smtp::dns::resolver& dns, const settings& s) {
  return
      [&dns, mx = mx_of(s)](std::string domain) { return find_site(dns, std::move(domain), mx); };
}

inbound::options inbound_of(const settings& s) {
  inbound::options out;
  out.host_name = s.server.host_name;
  out.feedback_address = s.mail.feedback_address;
  out.bounce_domain = s.mail.bounce_domain;
  out.local_domains = s.mail.local_domains;
  out.local_domains.push_back(s.mail.postmaster.ascii_domain());
  if (const auto host = smtp::ascii_domain(s.server.host_name)) out.local_domains.push_back(*host);
  out.dns_timeout = s.dns.timeout;
  out.spf = preflight_of(s).spf;
  out.unmatched_alarm_percent = s.complaints.unmatched_alarm_percent;
  return out;
}

void tell_if_unsigned(const smtp::auth::key_ring& keys, const settings& s) {
  const auto domain = s.mail.feedback_address.ascii_domain();
  if (keys.of(domain).empty())
    log::warn("app/component_options", "no_gateway_key",
              {{"domain", domain}, {"so", "CFBL-Address is not offered (RFC 9477)"}});
}

queue::delivery_settings delivery_of(const settings& s) {
  queue::delivery_settings out;
  out.copies.bounce_domain = s.mail.bounce_domain;
  out.copies.gateway_domain = s.mail.feedback_address.ascii_domain();
  out.copies.feedback_address =
      s.mail.feedback_address.local() + "@" + s.mail.feedback_address.ascii_domain();
  out.copies.unsubscribe_url = s.mail.unsubscribe_url;
  return out;
}

queue::smtp_transport_settings transport_of(const settings& s) {
  using smtp::client::tls_mode;
  queue::smtp_transport_settings out;
  out.connection.ehlo_name = s.server.host_name;
  out.connection.own_name = s.server.host_name;
  out.connection.tls = s.delivery.tls == "off"        ? tls_mode::off
                       : s.delivery.tls == "required" ? tls_mode::required
                                                      : tls_mode::opportunistic;
  out.connection.tls_context = make_client_tls();
  auto& wait = out.connection.wait;
  wait.connect = s.delivery.connect_timeout;
  for (auto* t : {&wait.greeting, &wait.hello, &wait.tls_handshake, &wait.mail, &wait.recipient,
                  &wait.data, &wait.data_block})
    *t = std::min<std::chrono::milliseconds>(*t, s.delivery.command_timeout);
  wait.final_dot = s.delivery.end_of_data_timeout;
  out.uses_chunking = s.delivery.chunking;
  out.mx = mx_of(s);
  out.tls.uses_dane = s.delivery.dane;
  out.tls.rules.required_hosts = s.delivery.tls_required;
  out.tls.authorities = s.delivery.tls_authorities;
  out.port = s.delivery.port;
  out.idle_max = s.delivery.connections_max;
  out.idle_per_destination = s.delivery.connections_per_destination_max;
  return out;
}

smtp::dns::resolver_settings resolver_of(const settings& s) {
  smtp::dns::resolver_settings out;
  out.forwarders = s.dns.forward;
  for (const auto& [name, file] : s.dns.zones) out.zones.push_back({.name = name, .file = file});
  if (out.forwarders.empty()) out.resolv_conf = "/etc/resolv.conf";
  out.trust_anchor = s.dns.trust_anchor_file;
  out.timeout = s.dns.timeout;
  return out;
}

public_pages::site_settings site_of(const settings& s) {
  public_pages::site_settings out;
  for (const auto& p : s.public_http.trusted_proxies) out.proxies.add(p);
  out.sign_ups_per_network_hour = s.public_http.sign_ups_per_network_hour;
  out.sign_ups_per_form_hour = s.public_http.sign_ups_per_form_hour;
  out.fill_time_min = s.public_http.fill_time_min;
  return out;
}

smtp::dns::resolver_settings fresh_resolver_of(const settings& s) {
  auto out = resolver_of(s);
  out.keeps_answers = false;
  out.cache_bytes = 1 << 20;
  return out;
}

std::shared_ptr<const queue::route_table> routes_of(const settings& s) {
  std::vector<queue::route> routes;
  for (const auto& r : s.routes)
    routes.push_back({.pattern = r.domain, .host = r.host, .port = r.port});
  return std::make_shared<const queue::route_table>(std::move(routes));
}

std::shared_ptr<const std::shared_ptr<asio::ssl::context>> server_tls_of(const settings& s) {
  std::shared_ptr<asio::ssl::context> context;
  if (s.tls.identity) context = make_server_tls(*s.tls.identity);
  if (s.tls.self_signed) {
    const auto folder = s.store.folder / "tls";
    const tls_identity own{folder / "cert.pem", folder / "key.pem"};
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (!std::filesystem::exists(own.private_key, error)) make_self_signed(own, s.server.host_name);
    context = make_server_tls(own);
  }
  return std::make_shared<const std::shared_ptr<asio::ssl::context>>(std::move(context));
}

server::session_settings session_of(const settings& s, const listener_settings& l) {
  server::session_settings out;
  out.role = l.role;
  out.host_name = s.server.host_name;
  out.implicit_tls = l.tls == listener_tls::implicit;
  out.auth_without_tls = s.smtp.auth_without_tls;
  out.limits.message_bytes = s.smtp.message_size_max;
  out.limits.recipients = s.smtp.recipients_max;
  out.timeouts.command = s.smtp.idle_timeout;
  out.timeouts.data_block = s.smtp.data_timeout;
  return out;
}

}  // namespace consentry::app
