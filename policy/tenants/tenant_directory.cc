#include "policy/tenants/tenant_directory.h"

#include <algorithm>

namespace consentry::policy::tenants {
namespace {

template <class T, class Key, class Projection>
const T* find_sorted(const std::vector<T>& all, const Key& key, Projection projection) {
  const auto it = std::ranges::lower_bound(all, key, {}, projection);
  return it != all.end() && std::invoke(projection, *it) == key ? &*it : nullptr;
}

template <class T>
std::vector<const T*> of_tenant(const std::vector<T>& all, tenant_id tenant) {
  std::vector<const T*> found;
  for (const auto& one : all)
    if (one.tenant == tenant) found.push_back(&one);
  return found;
}

}  // namespace

tenant_directory::tenant_directory(std::vector<tenant> tenants, std::vector<credential> credentials,
                                   std::vector<sender_domain> domains)
    : tenants_{std::move(tenants)},
      credentials_{std::move(credentials)},
      domains_{std::move(domains)} {
  std::ranges::sort(tenants_, {}, &tenant::id);
  std::ranges::sort(credentials_, {}, &credential::user);
  std::ranges::sort(domains_, {}, &sender_domain::domain);
  for (const auto& t : tenants_) by_name_.emplace(t.name, &t);
}

const tenant* tenant_directory::find(tenant_id id) const {
  return find_sorted(tenants_, id, &tenant::id);
}

const tenant* tenant_directory::find_named(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

const credential* tenant_directory::find_credential(std::string_view user) const {
  return find_sorted(credentials_, user, &credential::user);
}

const sender_domain* tenant_directory::find_domain(std::string_view ascii_domain) const {
  return find_sorted(domains_, ascii_domain, &sender_domain::domain);
}

const sender_domain* tenant_directory::governing(std::string_view ascii_domain) const {
  for (auto name = ascii_domain; !name.empty();) {
    const auto* d = find_domain(name);
    if (d != nullptr && d->is_verified()) return d;
    const auto dot = name.find('.');
    if (dot == std::string_view::npos) break;
    name.remove_prefix(dot + 1);
  }
  return nullptr;
}

bool tenant_directory::owns(tenant_id tenant, std::string_view ascii_domain) const {
  const auto* d = governing(ascii_domain);
  return d != nullptr && d->tenant == tenant;
}

std::vector<const credential*> tenant_directory::credentials_of(tenant_id tenant) const {
  return of_tenant(credentials_, tenant);
}

std::vector<const sender_domain*> tenant_directory::domains_of(tenant_id tenant) const {
  return of_tenant(domains_, tenant);
}

}  // namespace consentry::policy::tenants
