#include "smtp/dns/dane.h"

namespace consentry::smtp::dns {

namespace asio = boost::asio;

bool is_usable(const tlsa_record& r) noexcept {
  if (r.usage != 2 && r.usage != 3) return false;
  if (r.selector > 1 || r.data.empty()) return false;
  switch (r.matching) {
    case 0:
      return true;
    case 1:
      return r.data.size() == 32;
    case 2:
      return r.data.size() == 64;
    default:
      return false;
  }
}

asio::awaitable<result<dane_records>> find_dane(resolver& dns, std::string host,
                                                host_addresses found, std::uint16_t port) {
  dane_records out;
  // Section 2.2.2: the name where CNAMEs led, if all of them are secure, then the host's own; its
  // own alone if only the first of them is.
  std::vector<std::string> bases;
  if (found.is_secure) {
    if (!found.canonical.empty()) bases.push_back(found.canonical);
    bases.push_back(host);
  } else if (!found.canonical.empty()) {
    const auto alias = co_await dns.lookup(host, record_type::cname);
    if (!alias && !alias.error().permanent) co_return alias.error();
    if (alias && alias->is_secure && alias->found == existence::found) bases.push_back(host);
  }
  for (auto& base : bases) {
    auto name = "_" + std::to_string(port) + "._tcp." + base;
    const auto answer = co_await dns.lookup(std::move(name), record_type::tlsa);
    // A name that cannot stand in the DNS has no records there.
    if (!answer && answer.error().permanent) continue;
    if (!answer) co_return answer.error();
    if (!answer->is_secure || answer->found != existence::found) continue;
    out.has_any = true;
    out.base = std::move(base);
    for (const auto& rdata : answer->records)
      if (auto r = parse_tlsa(rdata); r && is_usable(*r)) out.usable.push_back(std::move(*r));
    break;
  }
  co_return out;
}

}  // namespace consentry::smtp::dns
