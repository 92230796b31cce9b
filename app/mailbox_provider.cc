#include "app/mailbox_provider.h"

#include <algorithm>

namespace consentry::app {
namespace {

bool is_below(std::string_view host, const std::string& domain) {
  return host == domain || (host.size() > domain.size() && host.ends_with(domain) &&
                            host[host.size() - domain.size() - 1] == '.');
}

}  // namespace

std::string find_provider(const std::vector<reporter>& listed, std::string_view host,
                          std::string_view domain) {
  for (const auto& r : listed)
    if (std::ranges::any_of(r.mail_hosts, [&](const auto& h) { return is_below(host, h); }))
      return r.name;
  for (const auto& r : listed)
    if (std::ranges::find(r.mailbox_domains, domain) != r.mailbox_domains.end()) return r.name;
  return {};
}

}  // namespace consentry::app
