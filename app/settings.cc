#include "app/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>

#include "app/public/rate_limit.h"
#include "base/confined_process.h"
#include "base/strict_toml.h"
#include "base/text.h"
#include "journal/event.h"

namespace consentry::app {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::seconds;

// Relative paths are taken from the settings file's folder.
class reader {
 public:
  reader(toml_section top, fs::path base) : top_{std::move(top)}, base_{std::move(base)} {}
  settings read();

 private:
  fs::path path(toml_section& s, std::string_view key, const fs::path& otherwise) const;
  void server(toml_section s);
  void store(toml_section s);
  void tls(toml_section s);
  void listeners();
  void smtp(toml_section s);
  void mail(toml_section s);
  void delivery(toml_section s);
  void transport_security(toml_section& s);
  void retry(toml_section s);
  void routes();
  void dns(toml_section s);
  void policy();
  void attachment_reader(toml_section s);
  void preflight(toml_section s);
  void reporters(const fs::path& file);
  bool http_tls(toml_section& s) const;
  void admin(toml_section s);
  void public_http(toml_section s);
  void events(toml_section s);
  void log(toml_section s);

  toml_section top_;
  fs::path base_;
  settings out_;
};

std::string host_name(toml_section& s, std::string_view key) {
  const auto text = s.required_text(key);
  auto ascii = smtp::ascii_domain(text);
  if (!ascii) s.fail(key, fmt::format("{} is not a host name: {}", key, ascii.error().public_text));
  return std::move(*ascii);
}

smtp::mailbox address(toml_section& s, std::string_view key) {
  const auto text = s.required_text(key);
  auto parsed = smtp::mailbox::parse(text);
  if (!parsed)
    s.fail(key, fmt::format("{} is not an address: {}", key, parsed.error().public_text));
  return std::move(*parsed);
}

// "127.0.0.1:587" or "[::1]:587"
std::pair<std::string, std::uint16_t> host_and_port(toml_section& s, std::string_view key) {
  const auto text = s.required_text(key);
  const auto colon = text.rfind(':');
  const auto host_text = text.substr(0, colon);
  const bool brackets = host_text.size() > 2 && host_text.front() == '[' && host_text.back() == ']';
  const auto host = brackets ? host_text.substr(1, host_text.size() - 2) : host_text;
  boost::system::error_code error;
  boost::asio::ip::make_address(host, error);
  unsigned port = 70000;
  if (colon != std::string::npos && colon + 1 < text.size() && text.size() - colon <= 6) {
    port = 0;
    for (char c : text.substr(colon + 1))
      port = c >= '0' && c <= '9' && port < 70000 ? port * 10 + (c - '0') : 70000;
  }
  if (error || port > 65535)
    s.fail(key, fmt::format("{} must be an IP address and a port, like 127.0.0.1:587; it is \"{}\"",
                            key, text));
  return {host, static_cast<std::uint16_t>(port)};
}

// A name whose addresses are looked up, or an IP address.
std::string route_host(toml_section& s) {
  auto host = s.required_text("host");
  boost::system::error_code not_ip;
  boost::asio::ip::make_address(host, not_ip);
  return not_ip ? host_name(s, "host") : host;
}

// "192.0.2.53", "2001:db8::53@5353"
void check_name_server(const toml_section& s, const std::string& text) {
  const auto at = text.find('@');
  boost::system::error_code error;
  boost::asio::ip::make_address(text.substr(0, at), error);
  const auto port = at == std::string::npos ? "53" : text.substr(at + 1);
  if (error || port.empty() || port.size() > 5 ||
      port.find_first_not_of("0123456789") != std::string::npos || std::stoi(port) > 65535)
    s.fail("forward",
           fmt::format("forward must hold IP addresses, like 127.0.0.1@53, not \"{}\"", text));
}

fs::path reader::path(toml_section& s, std::string_view key, const fs::path& otherwise) const {
  const fs::path given{s.text(key, "")};
  if (given.empty()) return otherwise;
  return given.is_absolute() ? given : base_ / given;
}

void reader::server(toml_section s) {
  out_.server.host_name = host_name(s, "host_name");
  out_.server.user = s.text("user", "");
  out_.server.io_threads = static_cast<unsigned>(s.integer("io_threads", 1, 1, 64));
  out_.server.worker_threads = static_cast<unsigned>(s.integer("worker_threads", 0, 0, 256));
  out_.server.core_dumps = s.flag("core_dumps", false);
  out_.server.drain_timeout = seconds{s.integer("drain_timeout_s", 20, 0, 3600)};
  s.finish();
}

void reader::store(toml_section s) {
  const auto folder = s.required_text("folder");
  out_.store.folder = fs::path{folder}.is_absolute() ? fs::path{folder} : base_ / folder;
  out_.store.map_size = static_cast<std::uint64_t>(s.integer("map_size_gib", 64, 1, 16384)) << 30;
  out_.store.reserve_bytes = static_cast<std::uint64_t>(s.integer("reserve_mib", 64, 0, 1 << 20))
                             << 20;
  out_.store.erase_max = hours{s.integer("erase_max_h", 24, 1, 24)};
  s.finish();
}

void reader::tls(toml_section s) {
  const auto certificate = path(s, "certificate", {});
  const auto key = path(s, "key", {});
  out_.tls.self_signed = s.flag("self_signed", false);
  if (certificate.empty() != key.empty())
    s.fail("certificate", "certificate and key belong together");
  if (!certificate.empty()) out_.tls.identity = tls_identity{certificate, key};
  if (out_.tls.self_signed && out_.tls.identity)
    s.fail("self_signed", "self_signed makes its own certificate: name none");
  s.finish();
}

void reader::listeners() {
  using role = smtp::server::listener_role;
  for (auto& s : top_.sections("listener")) {
    listener_settings l;
    std::tie(l.host, l.port) = host_and_port(s, "address");
    l.role = s.choice("role", "submission", {"submission", "inbound"}) == "inbound"
                 ? role::inbound
                 : role::submission;
    const auto tls = s.choice("tls", "starttls", {"starttls", "implicit", "none"});
    l.tls = tls == "none"       ? listener_tls::none
            : tls == "implicit" ? listener_tls::implicit
                                : listener_tls::starttls;
    if (l.tls != listener_tls::none && !out_.tls.identity && !out_.tls.self_signed)
      s.fail("tls", "this listener needs [tls] certificate and key");
    s.finish();
    out_.listeners.push_back(std::move(l));
  }
  if (out_.listeners.empty()) top_.fail("listener", "at least one [[listener]] is required");
}

void reader::smtp(toml_section s) {
  auto& o = out_.smtp;
  o.message_size_max = static_cast<std::uint64_t>(s.integer("message_size_max_mib", 25, 1, 64))
                       << 20;
  o.recipients_max = static_cast<unsigned>(s.integer("recipients_max", 1000, 100, 50000));
  o.connections_max = static_cast<unsigned>(s.integer("connections_max", 2000, 1, 1000000));
  o.connections_per_ip_max =
      static_cast<unsigned>(s.integer("connections_per_ip_max", 100, 1, 1000000));
  o.idle_timeout = seconds{s.integer("idle_timeout_s", 300, 1, 86400)};
  o.data_timeout = seconds{s.integer("data_timeout_s", 180, 1, 86400)};
  o.bodies_in_memory_max =
      static_cast<std::uint64_t>(s.integer("bodies_in_memory_max_mib", 512, 1, 1 << 20)) << 20;
  o.auth_without_tls = s.flag("auth_without_tls", false);
  o.password_length_min = static_cast<unsigned>(s.integer("password_length_min", 12, 8, 64));
  s.finish();
}

void reader::mail(toml_section s) {
  out_.mail.bounce_domain = host_name(s, "bounce_domain");
  out_.mail.feedback_address = address(s, "feedback_address");
  out_.mail.postmaster = address(s, "postmaster");
  for (const auto& d : s.texts("local_domains")) {
    auto ascii = smtp::ascii_domain(d);
    if (!ascii) s.fail("local_domains", fmt::format("not a domain: {}", d));
    out_.mail.local_domains.push_back(std::move(*ascii));
  }
  out_.mail.unsubscribe_url = s.required_text("unsubscribe_url");
  // RFC 8058 section 3.1 wants https; the token becomes the last part of the path.
  if (!out_.mail.unsubscribe_url.starts_with("https://") ||
      !out_.mail.unsubscribe_url.ends_with('/') ||
      out_.mail.unsubscribe_url.find_first_of(" <>\"\r\n") != std::string::npos)
    s.fail("unsubscribe_url", "unsubscribe_url must be an https URL that ends in /");
  s.finish();
}

void reader::delivery(toml_section s) {
  auto& o = out_.delivery;
  o.connections_max = static_cast<unsigned>(s.integer("connections_max", 200, 1, 20000));
  o.connections_per_destination_max =
      static_cast<unsigned>(s.integer("connections_per_destination_max", 20, 1, 1000));
  o.messages_per_connection_max =
      static_cast<unsigned>(s.integer("messages_per_connection_max", 100, 1, 1000000));
  o.connect_timeout = seconds{s.integer("connect_timeout_s", 30, 1, 600)};
  o.command_timeout = seconds{s.integer("command_timeout_s", 300, 1, 3600)};
  o.end_of_data_timeout = seconds{s.integer("end_of_data_timeout_s", 600, 1, 3600)};
  o.chunking = s.flag("chunking", true);
  o.tls = s.choice("tls", "opportunistic", {"opportunistic", "off", "required"});
  o.retry_first = seconds{s.integer("retry_first_s", 300, 1, 86400)};
  o.retry_max = seconds{s.integer("retry_max_s", 14400, 1, 7 * 86400)};
  if (o.retry_max < o.retry_first)
    s.fail("retry_max_s", "retry_max_s must not be less than retry_first_s");
  o.expire_bulk = hours{s.integer("expire_bulk_h", 72, 1, 24 * 30)};
  o.expire_other = hours{s.integer("expire_other_h", 120, 1, 24 * 30)};
  o.delay_notice = hours{s.integer("delay_notice_h", 4, 0, 24 * 30)};
  out_.bounces_file = path(s, "bounces", {});
  o.source_address = s.text("source_address", "");
  boost::system::error_code error;
  if (!o.source_address.empty()) boost::asio::ip::make_address(o.source_address, error);
  if (error) s.fail("source_address", "source_address must be an IP address");
  o.port = static_cast<std::uint16_t>(s.integer("port", 25, 1, 65535));
  transport_security(s);
  s.finish();
}

void reader::transport_security(toml_section& s) {
  auto& o = out_.delivery;
  o.dane = s.flag("dane", true);
  o.mta_sts = s.flag("mta_sts", true);
  o.mta_sts_port = static_cast<std::uint16_t>(s.integer("mta_sts_port", 443, 1, 65535));
  o.tls_required = {"google.com", "googlemail.com"};  // RULES B: never clear text to Gmail
  if (s.has("tls_required")) o.tls_required = s.texts("tls_required");
  for (auto& host : o.tls_required) {
    auto ascii = smtp::ascii_domain(host);
    if (!ascii) s.fail("tls_required", fmt::format("not a host name: {}", host));
    host = ascii_lower(*ascii);
  }
  o.tls_authorities = path(s, "tls_authorities", {});
  o.tls_reports = s.flag("tls_reports", true);
  o.tls_report_organization = s.text("tls_report_organization", out_.server.host_name);
  o.tls_report_contact =
      s.has("tls_report_contact") ? address(s, "tls_report_contact") : out_.mail.postmaster;
}

void reader::retry(toml_section s) {
  for (const auto& name : s.keys()) {
    const auto stream = smtp::parse_stream(name);
    if (!stream) s.fail(name, fmt::format("there is no stream \"{}\"", name));
    auto of = s.section(name);
    auto& r = out_.retry[*stream];
    if (of.has("first_s")) r.first = seconds{of.integer("first_s", 300, 1, 86400)};
    if (of.has("max_s")) r.max = seconds{of.integer("max_s", 14400, 1, 7 * 86400)};
    if (of.has("jitter_percent"))
      r.jitter_percent = static_cast<unsigned>(of.integer("jitter_percent", 10, 0, 100));
    if (of.has("expire_h")) r.expire = hours{of.integer("expire_h", 72, 1, 24 * 30)};
    if (r.max.value_or(out_.delivery.retry_max) < r.first.value_or(out_.delivery.retry_first))
      of.fail(r.max ? "max_s" : "first_s", "max_s must not be less than first_s");
    of.finish();
  }
  s.finish();
}

void reader::routes() {
  for (auto& s : top_.sections("route")) {
    route_settings r;
    r.domain = s.required_text("domain");
    const auto name = r.domain.starts_with('.') ? r.domain.substr(1) : r.domain;
    if (r.domain != "*") {
      const auto ascii = smtp::ascii_domain(name);
      if (!ascii) s.fail("domain", "domain must be a domain, .domain or *");
      r.domain = (r.domain.starts_with('.') ? "." : "") + *ascii;
    }
    r.host = route_host(s);
    r.port = static_cast<std::uint16_t>(s.integer("port", 25, 1, 65535));
    s.finish();
    out_.routes.push_back(std::move(r));
  }
}

void reader::dns(toml_section s) {
  out_.dns.forward = s.texts("forward");
  for (const auto& server : out_.dns.forward) check_name_server(s, server);
  out_.dns.trust_anchor_file = path(s, "trust_anchor_file", {});
  out_.dns.timeout = seconds{s.integer("timeout_s", 10, 1, 120)};
  out_.dns.allow_loopback = s.flag("allow_loopback", false);
  s.finish();
  for (auto& z : top_.sections("dns_zone")) {
    auto name = host_name(z, "name");
    z.required_text("file");
    out_.dns.zones.emplace_back(std::move(name), path(z, "file", {}));
    z.finish();
  }
}

void reader::policy() {
  auto p = top_.section("policy");
  out_.policy_file = path(p, "file", base_ / "policy/default.toml");
  out_.patterns_folder = path(p, "patterns", base_ / "patterns");
  out_.lists_folder = path(p, "lists", out_.patterns_folder.parent_path() / "lists");
  out_.compiled_folder = path(p, "compiled", out_.store.folder / "compiled");
  p.finish();
  auto g = top_.section("pacing");
  out_.pacing_file = path(g, "file", {});
  g.finish();
  auto c = top_.section("complaints");
  const auto file = path(c, "reporters", base_ / "reporters.toml");
  out_.complaints.traps_file = path(c, "traps", {});
  out_.complaints.max_age_days = static_cast<int>(c.integer("max_age_days", 90, 1, 3650));
  out_.complaints.unmatched_alarm_percent =
      static_cast<unsigned>(c.integer("unmatched_alarm_percent", 2, 0, 100));
  c.finish();
  reporters(file);
}

void reader::attachment_reader(toml_section s) {
  auto& o = out_.attachment_reader;
  o.program = path(s, "program", find_own_program("consentry-reader"));
  o.memory_mib = static_cast<unsigned>(s.integer("memory_mib", o.memory_mib, 128, 65536));
  o.cpu_s = static_cast<unsigned>(s.integer("cpu_s", o.cpu_s, 10, 3600));
  o.files_max = static_cast<unsigned>(s.integer("files_max", o.files_max, 1, 100'000));
  s.finish();
}

void reader::preflight(toml_section s) {
  auto& o = out_.preflight;
  o.every = hours{s.integer("every_h", 24, 0, 168)};
  o.program = path(s, "program", find_own_program("consentry-spf"));
  o.addresses = s.texts("addresses");
  // Each look at a domain asks for each of them, twice.
  constexpr std::size_t addresses_max = 64;
  if (o.addresses.size() > addresses_max)
    s.fail("addresses", fmt::format("{} addresses: at most {} can be looked at", o.addresses.size(),
                                    addresses_max));
  for (auto& a : o.addresses) {
    boost::system::error_code error;
    const auto parsed = boost::asio::ip::make_address(a, error);
    if (error || parsed.is_loopback() || parsed.is_unspecified())
      s.fail("addresses", fmt::format("not an address that the internet sees: {}", a));
    a = parsed.to_string();
  }
  s.finish();
  if (!o.addresses.empty() || out_.delivery.source_address.empty()) return;
  const auto source = boost::asio::ip::make_address(out_.delivery.source_address);
  if (!source.is_loopback() && !source.is_unspecified()) o.addresses = {source.to_string()};
}

void reader::reporters(const fs::path& file) {
  auto top = toml_section::from_file(file);
  for (auto& s : top.sections("reporter")) {
    reporter r;
    r.name = s.required_text("name");
    const auto domains = [&s](const char* key) {
      std::vector<std::string> out;
      for (const auto& d : s.texts(key)) {
        auto ascii = smtp::ascii_domain(d);
        if (!ascii) s.fail(key, fmt::format("not a domain: {}", d));
        out.push_back(std::move(*ascii));
      }
      return out;
    };
    r.dkim_domains = domains("dkim_domains");
    r.mailbox_domains = domains("mailbox_domains");
    r.mail_hosts = domains("mail_hosts");
    if (r.dkim_domains.empty()) s.fail("dkim_domains", "dkim_domains is required");
    for (const auto& f : s.texts("from")) {
      const auto parsed = smtp::mailbox::parse(f);
      if (!parsed) s.fail("from", fmt::format("not an address: {}", f));
      r.from.push_back(parsed->key());
    }
    s.finish();
    out_.complaints.reporters.push_back(std::move(r));
  }
  top.finish();
}

bool reader::http_tls(toml_section& s) const {
  const bool wanted = s.flag("tls", false);
  if (wanted && !out_.tls.identity && !out_.tls.self_signed)
    s.fail("tls", "this listener needs [tls] certificate and key");
  return wanted;
}

void reader::admin(toml_section s) {
  out_.admin.socket = path(s, "socket", out_.store.folder / "run/admin.sock");
  if (out_.admin.socket.string().size() > 107)
    s.fail("socket", "the path of a Unix socket has at most 107 bytes");
  if (s.has("tcp")) std::tie(out_.admin.tcp_host, out_.admin.tcp_port) = host_and_port(s, "tcp");
  out_.admin.tls = http_tls(s);
  boost::system::error_code error;
  const auto at = boost::asio::ip::make_address(out_.admin.tcp_host, error);
  if (!error && !out_.admin.tls && !at.is_loopback())
    s.fail("tcp", "tokens are not sent in clear text over a network: set tls = true");
  auto roles = s.section("roles");
  out_.admin.desk = roles.texts("desk");
  out_.admin.auditor = roles.texts("auditor");
  roles.finish();
  s.finish();
}

void reader::public_http(toml_section s) {
  if (s.has("address"))
    std::tie(out_.public_http.host, out_.public_http.port) = host_and_port(s, "address");
  out_.public_http.tls = http_tls(s);
  auto& o = out_.public_http;
  // Beside the unsubscribe page, where nothing else is said: "https://host/u/" gives
  // "https://host/".
  const auto& u = out_.mail.unsubscribe_url;
  const auto up = u.rfind('/', u.size() - 2);
  o.url = s.text("url", up > std::string{"https://"}.size() ? u.substr(0, up + 1) : u);
  if (!(o.url.starts_with("https://") || o.url.starts_with("http://")) || !o.url.ends_with('/') ||
      o.url.find_first_of(" <>\"\r\n") != std::string::npos)
    s.fail("url", "url must be an http(s) URL that ends in /");
  o.trusted_proxies = s.texts("trusted_proxies");
  public_pages::trusted_proxies proxies;
  for (const auto& p : o.trusted_proxies)
    if (!proxies.add(p)) s.fail("trusted_proxies", fmt::format("not an address or network: {}", p));
  o.sign_ups_per_network_hour =
      static_cast<unsigned>(s.integer("sign_ups_per_network_hour", 20, 1, 1000000));
  o.sign_ups_per_form_hour =
      static_cast<unsigned>(s.integer("sign_ups_per_form_hour", 2000, 1, 10000000));
  o.fill_time_min = std::chrono::milliseconds{s.integer("fill_time_min_ms", 2000, 0, 60000)};
  s.finish();
}

void reader::events(toml_section s) {
  auto& o = out_.events;
  o.folder = path(s, "folder", {});
  o.rotate_bytes = static_cast<std::uint64_t>(s.integer("rotate_mib", 64, 1, 65536)) << 20;
  o.keep = static_cast<unsigned>(s.integer("keep", 10, 0, 100'000));
  o.addresses = s.flag("addresses", false);
  o.kinds = s.texts("kinds");
  for (const auto& k : o.kinds)
    if (!journal::parse_event_kind(k)) s.fail("kinds", fmt::format("no event is called {}", k));
  s.finish();
}

void reader::log(toml_section s) {
  const auto level = s.choice("level", "info", {"debug", "info", "warn", "error"});
  out_.log.least = level == "debug"   ? consentry::log::level::debug
                   : level == "warn"  ? consentry::log::level::warn
                   : level == "error" ? consentry::log::level::error
                                      : consentry::log::level::info;
  out_.log.lines = s.choice("format", "text", {"text", "json"}) == "json"
                       ? consentry::log::format::json
                       : consentry::log::format::text;
  s.finish();
}

settings reader::read() {
  // Before anything is missed: a section whose name is misspelt.
  constexpr std::array sections{"server", "store",    "tls",       "listener",   "smtp",
                                "mail",   "delivery", "route",     "dns",        "dns_zone",
                                "dkim",   "policy",   "public",    "complaints", "admin",
                                "log",    "reader",   "preflight", "pacing",     "events",
                                "retry",  "webhooks", "metrics",   "evidence",   "console"};
  for (const auto& name : top_.keys())
    if (std::find(sections.begin(), sections.end(), name) == sections.end())
      top_.fail(name, fmt::format("there is no section [{}]", name));
  server(top_.section("server"));
  store(top_.section("store"));
  tls(top_.section("tls"));
  listeners();
  smtp(top_.section("smtp"));
  mail(top_.section("mail"));
  delivery(top_.section("delivery"));
  retry(top_.section("retry"));
  routes();
  dns(top_.section("dns"));
  policy();
  attachment_reader(top_.section("reader"));
  out_.dkim = read_dkim_settings(top_.section("dkim"), base_, out_.store.folder);
  preflight(top_.section("preflight"));
  admin(top_.section("admin"));
  out_.console = read_console_settings(top_.section("console"));
  public_http(top_.section("public"));
  events(top_.section("events"));
  out_.webhooks = read_webhook_settings(top_.section("webhooks"), base_);
  out_.metrics = read_metrics_settings(top_.section("metrics"), base_);
  out_.evidence = read_evidence_settings(top_.section("evidence"), out_.complaints.max_age_days);
  log(top_.section("log"));
  top_.finish();
  return std::move(out_);
}

}  // namespace

settings read_settings(const fs::path& file) {
  const auto base = fs::absolute(file).parent_path();
  return reader{toml_section::from_file(file), base}.read();
}

}  // namespace consentry::app
