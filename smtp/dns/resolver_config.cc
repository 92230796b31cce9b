#include "smtp/dns/resolver_config.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/text.h"

namespace consentry::smtp::dns {
namespace {

// Values stand in double quotes, which know no escapes.
std::string quoted(std::string_view what, std::string_view value) {
  for (char c : value)
    if (c == '"' || static_cast<unsigned char>(c) < 0x20)
      throw configuration_error("resolver: " + std::string{what} +
                                " holds a character that cannot stand there: " + printable(value));
  return '"' + std::string{value} + '"';
}

std::string readable_file(std::string_view what, const std::filesystem::path& file) {
  const auto absolute = std::filesystem::absolute(file).string();
  if (!std::ifstream{absolute})
    throw configuration_error("resolver: cannot read " + std::string{what} + " " + absolute);
  return quoted(what, absolute);
}

// "example.test." at the end of "example.test" and the like: names without their last dot.
std::string_view bare(std::string_view name) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  return name;
}

std::string_view top_label(std::string_view name) {
  name = bare(name);
  return name.substr(name.rfind('.') == std::string_view::npos ? 0 : name.rfind('.') + 1);
}

bool has_anchor(const resolver_settings& s, std::string_view zone) {
  for (const auto& anchor : s.trust_anchors)
    if (ascii_iequals(bare(std::string_view{anchor}.substr(0, anchor.find_first_of(" \t"))),
                      bare(zone)))
      return true;
  return false;
}

// A zone of our own below a name that libunbound answers by itself (RFC 6761: test, invalid,
// localhost) or that the root denies with a signature.
void open_zone(const resolver_settings& s, std::string_view zone, std::string& server) {
  const auto top = top_label(zone);
  if (top == "test" || top == "invalid" || top == "localhost" || top == "onion")
    server += "  local-zone: " + quoted("zone", std::string{top} + '.') + " nodefault\n";
  if (!has_anchor(s, zone)) server += "  domain-insecure: " + quoted("zone", zone) + "\n";
}

std::vector<std::string> name_servers(const std::filesystem::path& resolv_conf) {
  std::ifstream in{resolv_conf};
  if (!in) throw configuration_error("resolver: cannot read " + resolv_conf.string());
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words{line};
    std::string keyword, server;
    if (words >> keyword >> server && keyword == "nameserver") out.push_back(server);
  }
  if (out.empty()) throw configuration_error("resolver: no nameserver in " + resolv_conf.string());
  return out;
}

}  // namespace

std::string unbound_config(const resolver_settings& s) {
  std::string server =
      "server:\n"
      "  verbosity: 0\n"
      "  use-syslog: no\n"
      "  do-not-query-localhost: no\n"  // a validating resolver on this machine is the usual
                                        // forwarder
      "  use-caps-for-id: no\n"
      "  qname-minimisation: yes\n"
      "  num-queries-per-thread: 4096\n"
      "  outgoing-range: 1024\n"
      "  edns-buffer-size: " +
      std::to_string(s.edns_buffer_bytes) + "\n" +
      "  msg-cache-size: " + std::to_string(s.cache_bytes / 2) + "\n" +
      "  rrset-cache-size: " + std::to_string(s.cache_bytes) + "\n";
  if (!s.keeps_answers) server += "  cache-max-ttl: 0\n  cache-max-negative-ttl: 0\n";
  if (!s.root_hints.empty())
    server += "  root-hints: " + readable_file("root hints", s.root_hints) + "\n";
  if (!s.trust_anchor.empty())
    server += "  trust-anchor-file: " + readable_file("trust anchor", s.trust_anchor) + "\n";
  for (const auto& anchor : s.trust_anchors)
    server += "  trust-anchor: " + quoted("trust anchor", anchor) + "\n";

  std::string zones;
  for (const auto& z : s.zones) {
    open_zone(s, z.name, server);
    zones += "auth-zone:\n  name: " + quoted("zone", z.name) +
             "\n  zonefile: " + readable_file("zone file", z.file) +
             "\n  for-upstream: yes\n  fallback-enabled: no\n";
    // Answered straight from the file, before any forwarder is thought of. What shall be validated
    // has to go through the iterator.
    zones += has_anchor(s, z.name) ? "  for-downstream: no\n" : "  for-downstream: yes\n";
  }
  for (const auto& z : s.stubs) {
    open_zone(s, z.name, server);
    zones += "stub-zone:\n  name: " + quoted("zone", z.name) +
             "\n  stub-addr: " + quoted("server", z.server) + "\n";
  }

  auto forwarders = s.forwarders;
  if (!s.resolv_conf.empty())
    for (auto& f : name_servers(s.resolv_conf)) forwarders.push_back(std::move(f));
  if (!forwarders.empty()) {
    zones += "forward-zone:\n  name: \".\"\n";
    for (const auto& f : forwarders) zones += "  forward-addr: " + quoted("server", f) + "\n";
  }
  return server + zones;
}

}  // namespace consentry::smtp::dns
