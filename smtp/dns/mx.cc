#include "smtp/dns/mx.h"

#include <algorithm>
#include <random>

#include "base/secret.h"
#include "base/text.h"

namespace consentry::smtp::dns {

namespace asio = boost::asio;
using addresses = std::vector<asio::ip::address>;

namespace {

constexpr std::size_t site_bytes_max = 200;

bool is_literal(std::string_view domain) {
  return !domain.empty() && domain.front() == '[';
}

result<asio::ip::address> literal_address(std::string_view literal) {
  const failure wrong{failure_kind::invalid, true, failure_scope::recipient,
                      "not an address literal", printable(literal)};
  if (literal.size() < 3 || literal.back() != ']') return wrong;
  literal = literal.substr(1, literal.size() - 2);
  if (ascii_istarts_with(literal, "IPv6:")) literal.remove_prefix(5);
  boost::system::error_code e;
  const auto a = asio::ip::make_address(std::string{literal}, e);
  if (e) return wrong;
  return a;
}

// Addresses that mean "this machine", "this link" or "everybody" in a stranger's zone.
bool is_usable(const asio::ip::address& given, bool allow_loopback) {
  asio::ip::address a = given;
  if (a.is_v6() && a.to_v6().is_v4_mapped())
    a = asio::ip::make_address_v4(asio::ip::v4_mapped, a.to_v6());
  if (a.is_unspecified() || a.is_multicast()) return false;
  if (a.is_loopback() || (a.is_v4() && a.to_v4().to_bytes()[0] == 127)) return allow_loopback;
  if (a.is_v4()) {
    const auto b = a.to_v4().to_bytes();
    return b[0] != 0 && b[0] < 240 && !(b[0] == 169 && b[1] == 254);
  }
  return !a.to_v6().is_link_local();
}

failure no_host(std::string cause) {
  return {failure_kind::not_found, true, failure_scope::recipient,
          "domain has no mail host that can be reached", std::move(cause)};
}

failure is_ourselves(const std::string& domain) {
  return {failure_kind::conflict, true, failure_scope::recipient,
          "mail for this domain would come back to us",
          "the best MX of " + domain + " is this gateway"};
}

bool is_own(const mx_settings& s, const std::string& host) {
  return std::find(s.own_names.begin(), s.own_names.end(), host) != s.own_names.end();
}

std::string site_name(const std::vector<mx_host>& hosts) {
  std::vector<std::string> names;
  for (const auto& h : hosts) names.push_back(h.name);
  std::sort(names.begin(), names.end());
  std::string s;
  for (const auto& n : names) s += (s.empty() ? "" : ",") + n;
  if (s.size() <= site_bytes_max) return s;
  return names.front() + ",sha256:" + hex(as_bytes(sha256(s)).substr(0, 16));
}

// RFC 5321 section 5.1: by preference, equal ones in random order; a host that is ourselves cuts
// itself and all that are not better.
result<mx_plan> plan_of(std::vector<mx_record> records, const std::string& domain,
                        const mx_settings& s) {
  const auto null = [](const mx_record& r) { return r.host.empty(); };
  if (std::all_of(records.begin(), records.end(), null))
    return failure{failure_kind::refused, true, failure_scope::recipient,
                   "domain takes no mail (null MX)", "null MX of " + domain};
  // Beside other records "." means nothing (RFC 7505 section 3).
  std::erase_if(records, null);

  std::minstd_rand dice{static_cast<unsigned>(random_u64())};
  std::shuffle(records.begin(), records.end(), dice);
  std::sort(records.begin(), records.end(),
            [](const mx_record& a, const mx_record& b) { return a.preference < b.preference; });
  const auto own = std::find_if(records.begin(), records.end(),
                                [&](const mx_record& r) { return is_own(s, r.host); });
  if (own != records.end()) {
    const auto limit = own->preference;
    std::erase_if(records, [&](const mx_record& r) { return r.preference >= limit; });
    if (records.empty()) return is_ourselves(domain);
  }

  mx_plan plan;
  for (auto& r : records) {
    const auto same = [&](const mx_host& h) { return h.name == r.host; };
    if (std::any_of(plan.hosts.begin(), plan.hosts.end(), same)) continue;
    if (plan.hosts.size() == s.hosts_max) break;
    plan.hosts.push_back({std::move(r.host), r.preference});
  }
  plan.site = site_name(plan.hosts);
  return plan;
}

mx_plan single_host(std::string name) {
  mx_plan plan;
  plan.site = name;
  plan.hosts.push_back({std::move(name), 0});
  return plan;
}

// An A or AAAA record's, by its length.
std::optional<asio::ip::address> address_of(const std::string& rdata) {
  const auto text = rdata.size() == 4 ? parse_a(rdata) : parse_aaaa(rdata);
  boost::system::error_code e;
  if (!text) return std::nullopt;
  const auto a = asio::ip::make_address(*text, e);
  return e ? std::nullopt : std::optional{a};
}

// Keeps what can be used, the preferred family first.
result<host_addresses> choose(const result<dns_answer>& v4, const result<dns_answer>& v6,
                              const std::string& host, const mx_settings& s) {
  const bool six_first =
      s.prefer == address_preference::ipv6_first || s.prefer == address_preference::ipv6_only;
  host_addresses out;
  for (const auto* family : six_first ? std::array{&v6, &v4} : std::array{&v4, &v6}) {
    if (!*family || (*family)->found != existence::found) continue;
    const auto& answer = **family;
    out.is_secure = out.is_secure || answer.is_secure;
    if (out.canonical.empty()) out.canonical = answer.canonical;
    for (const auto& rdata : answer.records)
      if (const auto a = address_of(rdata); a && is_usable(*a, s.allow_loopback))
        out.addresses.push_back(*a);
  }
  if (!out.addresses.empty()) {
    if (out.addresses.size() > s.addresses_max) out.addresses.resize(s.addresses_max);
    return out;
  }
  // What could not be asked may hold the address that is missing.
  for (const auto* family : {&v4, &v6})
    if (!*family && !family->error().permanent) return family->error();
  return no_host("no usable address of " + host);
}

}  // namespace

asio::awaitable<result<host_addresses>> find_host(resolver& dns, std::string host,
                                                  mx_settings settings) {
  if (is_literal(host)) {
    auto a = literal_address(host);
    if (!a) co_return a.error();
    if (!is_usable(*a, settings.allow_loopback)) co_return no_host("no mail host: " + host);
    host_addresses one;
    one.addresses.push_back(*a);
    co_return one;
  }
  dns_answer nothing;
  nothing.found = existence::no_data;
  const result<dns_answer> none{std::move(nothing)};
  if (settings.prefer == address_preference::ipv4_only) {
    const auto v4 = co_await dns.lookup(host, record_type::a);
    co_return choose(v4, none, host, settings);
  }
  if (settings.prefer == address_preference::ipv6_only) {
    const auto v6 = co_await dns.lookup(host, record_type::aaaa);
    co_return choose(none, v6, host, settings);
  }
  const auto v4 = co_await dns.lookup(host, record_type::a);
  const auto v6 = co_await dns.lookup(host, record_type::aaaa);
  co_return choose(v4, v6, host, settings);
}

asio::awaitable<result<addresses>> find_addresses(resolver& dns, std::string host,
                                                  mx_settings settings) {
  auto found = co_await find_host(dns, std::move(host), std::move(settings));
  if (!found) co_return found.error();
  co_return std::move(found->addresses);
}

asio::awaitable<result<mx_plan>> find_hosts(resolver& dns, std::string domain,
                                            mx_settings settings) {
  if (is_literal(domain)) {
    const auto a = literal_address(domain);
    if (!a) co_return a.error();
    co_return single_host(domain);
  }
  // An MX lookup that finds nothing leaves the domain itself (RFC 5321 section 5.1); one that is
  // refused or lost leaves us waiting.
  const auto answer = co_await dns.lookup(domain, record_type::mx);
  if (!answer) co_return answer.error();
  if (answer->found == existence::no_name)
    co_return failure{failure_kind::not_found, true, failure_scope::recipient,
                      "domain does not exist", "NXDOMAIN for " + domain};
  if (answer->found == existence::found) {
    std::vector<mx_record> records;
    for (const auto& rdata : answer->records)
      if (auto r = parse_mx(rdata)) records.push_back(std::move(*r));
    if (records.empty())
      co_return failure{failure_kind::invalid, true, failure_scope::recipient,
                        "domain has no valid MX record", "MX of " + domain + " do not parse"};
    auto plan = plan_of(std::move(records), domain, settings);
    if (plan) plan->is_secure = answer->is_secure;
    co_return plan;
  }
  if (is_own(settings, domain)) co_return is_ourselves(domain);
  const auto found = co_await find_addresses(dns, domain, settings);
  if (!found) co_return found.error();
  auto plan = single_host(domain);
  plan.is_implicit = true;
  plan.is_secure = answer->is_secure;
  co_return plan;
}

smtp::reply to_reply(const failure& f) {
  switch (f.permanent ? f.kind : failure_kind::dns) {
    case failure_kind::refused:
      return {556, {5, 1, 10}, f.public_text};
    case failure_kind::conflict:
      return {554, {5, 4, 6}, f.public_text};
    case failure_kind::invalid:
      return {554, {5, 4, 4}, f.public_text};
    case failure_kind::not_found:
      return {550, {5, 1, 2}, f.public_text};
    default:
      return {451, {4, 4, 3}, "temporary failure of name resolution"};
  }
}

}  // namespace consentry::smtp::dns
