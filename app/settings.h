// consentry.toml as values. Declared once: text, unit and default stand in conf/consentry.toml,
// bounds in settings.cc.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/console_settings.h"
#include "app/dkim_settings.h"
#include "app/report_settings.h"
#include "base/log.h"
#include "base/tls_context.h"
#include "filters/confined_reader.h"
#include "smtp/address.h"
#include "smtp/server/gatekeeper.h"
#include "smtp/stream.h"

namespace consentry::app {

enum class listener_tls : std::uint8_t { none, starttls, implicit };

struct listener_settings {
  std::string host;  // an IP address
  std::uint16_t port = 0;
  smtp::server::listener_role role = smtp::server::listener_role::submission;
  listener_tls tls = listener_tls::starttls;
};

struct route_settings {
  std::string domain;
  std::string host;
  std::uint16_t port = 25;
};

struct reporter {
  std::string name;
  std::vector<std::string> dkim_domains;
  std::vector<std::string> from;  // mailbox keys that alone may report; empty: any of those domains
  // Whose mailboxes it speaks for (RULES C6): domains of recipients, and domains of mail hosts with
  // all below them.
  std::vector<std::string> mailbox_domains;
  std::vector<std::string> mail_hosts;
};

struct settings {
  struct {
    std::string host_name;
    std::string user;
    unsigned io_threads = 1;
    unsigned worker_threads = 0;
    std::chrono::seconds drain_timeout{20};
    bool core_dumps = false;
  } server;
  struct {
    std::filesystem::path folder;
    std::uint64_t map_size = 0;  // bytes
    std::uint64_t reserve_bytes = 0;
    std::chrono::hours erase_max{24};
  } store;
  struct {
    std::optional<tls_identity> identity;
    bool self_signed = false;
  } tls;
  std::vector<listener_settings> listeners;
  struct {
    std::uint64_t message_size_max = 0;  // bytes
    unsigned recipients_max = 0;
    unsigned connections_max = 0;
    unsigned connections_per_ip_max = 0;
    std::chrono::seconds idle_timeout{};
    std::chrono::seconds data_timeout{};
    std::uint64_t bodies_in_memory_max = 0;  // bytes
    bool auth_without_tls = false;
    unsigned password_length_min = 12;  // of credentials that are added from now on
  } smtp;
  struct {
    std::string bounce_domain;  // A-labels
    smtp::mailbox feedback_address;
    std::string unsubscribe_url;
    smtp::mailbox postmaster;
    std::vector<std::string> local_domains;  // A-labels: abuse@ and postmaster@ of these are ours
  } mail;
  struct {
    unsigned connections_max = 0;
    unsigned connections_per_destination_max = 0;
    unsigned messages_per_connection_max = 0;
    std::chrono::seconds connect_timeout{};
    std::chrono::seconds command_timeout{};
    std::chrono::seconds end_of_data_timeout{};
    bool chunking = true;
    std::string tls;  // opportunistic, off, required
    std::chrono::seconds retry_first{};
    std::chrono::seconds retry_max{};
    std::chrono::hours expire_bulk{};
    std::chrono::hours expire_other{};
    std::chrono::hours delay_notice{4};  // 0: none
    std::string source_address;
    std::uint16_t port = 25;
    bool dane = true;
    bool mta_sts = true;
    std::uint16_t mta_sts_port = 443;
    std::vector<std::string> tls_required;  // suffixes of host names, lower case
    std::filesystem::path tls_authorities;  // PEM; empty: the system's
    bool tls_reports = true;
    std::string tls_report_organization;
    smtp::mailbox tls_report_contact;
  } delivery;
  struct stream_retry {  // where given, instead of what [delivery] says
    std::optional<std::chrono::seconds> first, max;
    std::optional<unsigned> jitter_percent;
    std::optional<std::chrono::hours> expire;
  };
  std::map<smtp::stream, stream_retry> retry;
  std::filesystem::path bounces_file;  // empty: as shipped
  std::filesystem::path pacing_file;   // empty: none
  std::vector<route_settings> routes;
  struct {
    std::vector<std::string> forward;
    std::vector<std::pair<std::string, std::filesystem::path>> zones;  // name, file
    std::filesystem::path trust_anchor_file;
    std::chrono::seconds timeout{};
    bool allow_loopback = false;
  } dns;
  dkim_settings dkim;
  std::filesystem::path policy_file;
  std::filesystem::path patterns_folder;
  std::filesystem::path lists_folder;     // role names, throw-away domains
  std::filesystem::path compiled_folder;  // cache of compiled patterns
  filters::reader_options attachment_reader;
  struct {
    std::chrono::hours every{24};        // 0: only when asked to
    std::vector<std::string> addresses;  // that mail leaves from; at most 64
    std::filesystem::path program;
  } preflight;
  struct {
    std::vector<reporter> reporters;
    std::filesystem::path traps_file;  // empty: none
    int max_age_days = 90;
    unsigned unmatched_alarm_percent = 2;  // of a day's reports (RULES C7); 0: off
  } complaints;
  struct {
    std::filesystem::path socket;
    std::string tcp_host;  // empty: no TCP
    std::uint16_t tcp_port = 0;
    bool tls = false;
    std::vector<std::string> desk,
        auditor;  // logins and @groups of the socket, with less than admin
  } admin;
  console_settings console;
  struct {
    std::string host;  // empty: no public listener
    std::uint16_t port = 0;
    bool tls = false;
    std::string url;                           // of the pages, ends in /
    std::vector<std::string> trusted_proxies;  // addresses and networks
    unsigned sign_ups_per_network_hour = 0;
    unsigned sign_ups_per_form_hour = 0;
    std::chrono::milliseconds fill_time_min{};
  } public_http;
  struct {
    std::filesystem::path folder;  // empty: none are written
    std::uint64_t rotate_bytes = 64u << 20;
    unsigned keep = 10;
    bool addresses = false;
    std::vector<std::string> kinds;  // of journal events; empty: all
  } events;
  webhook_settings webhooks;
  metrics_settings metrics;
  evidence_settings evidence;
  log::settings log;
};

// Throws configuration_error with file and line.
settings read_settings(const std::filesystem::path& file);

}  // namespace consentry::app
