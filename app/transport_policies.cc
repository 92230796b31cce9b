#include "app/transport_policies.h"

namespace consentry::app {
namespace {

constexpr unsigned workers_count =
    4;  // they wait for strangers' web servers, twenty seconds at most

smtp::security::mta_sts_settings sts_of(const settings& s) {
  smtp::security::mta_sts_settings out;
  out.authorities = s.delivery.tls_authorities;
  out.port = s.delivery.mta_sts_port;
  out.allow_loopback = s.dns.allow_loopback;
  return out;
}

tls_report_options reports_of(const settings& s) {
  return {.is_on = s.delivery.tls_reports,
          .organization = s.delivery.tls_report_organization,
          .contact = s.delivery.tls_report_contact,
          .host_name = s.server.host_name,
          .authorities = s.delivery.tls_authorities,
          .allow_loopback = s.dns.allow_loopback};
}

}  // namespace

transport_policies::transport_policies(boost::asio::any_io_executor executor, store_rooms& rooms,
                                       smtp::dns::resolver& dns, const wall_clock& clock,
                                       const settings& s,
                                       std::function<void(instant due)> notify_queue)
    : workers_{workers_count},
      uses_sts_{s.delivery.mta_sts},
      policies_{{.executor = std::move(executor),
                 .dns = dns,
                 .env = rooms.env,
                 .commits = rooms.commits,
                 .store = rooms.sts_policies,
                 .workers = workers_,
                 .clock = clock},
                sts_of(s)},
      reports_{{.rooms = rooms,
                .clock = clock,
                .dns = dns,
                .workers = workers_,
                .notify_queue = std::move(notify_queue)},
               reports_of(s)} {}

queue::smtp_transport_settings transport_policies::watched(queue::smtp_transport_settings s) {
  s.tls.observer = [this](const smtp::security::tls_session& seen) { reports_.count(seen); };
  return s;
}

boost::asio::awaitable<void> transport_policies::close() {
  co_await policies_.close();
  co_await reports_.close();
}

}  // namespace consentry::app
