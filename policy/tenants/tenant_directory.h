// All tenants, credentials and domains as one immutable snapshot, for the paths that cannot wait
// for the store. app swaps it whole after each change.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/tenants/credential.h"
#include "policy/tenants/sender_domain.h"
#include "policy/tenants/tenant.h"

namespace consentry::policy::tenants {

// Immutable; any thread. Pointers live as long as the directory: hold the shared_ptr meanwhile.
class tenant_directory {
 public:
  tenant_directory() = default;
  tenant_directory(std::vector<tenant> tenants, std::vector<credential> credentials,
                   std::vector<sender_domain> domains);

  // nullptr: unknown.
  const tenant* find(tenant_id id) const;
  const tenant* find_named(std::string_view name) const;
  const credential* find_credential(std::string_view user) const;         // active or not
  const sender_domain* find_domain(std::string_view ascii_domain) const;  // that very name

  // The verified domain that `ascii_domain` is or lies under: the nearest one decides, so a
  // subdomain verified for another tenant is not the parent's. nullptr: nobody's.
  const sender_domain* governing(std::string_view ascii_domain) const;
  // Whether the tenant may put this domain into From, Sender or Reply-To.
  bool owns(tenant_id tenant, std::string_view ascii_domain) const;

  // In order of id, user, domain.
  const std::vector<tenant>& tenants() const noexcept { return tenants_; }
  std::vector<const credential*> credentials_of(tenant_id tenant) const;
  std::vector<const sender_domain*> domains_of(tenant_id tenant) const;

 private:
  std::vector<tenant> tenants_;
  std::vector<credential> credentials_;
  std::vector<sender_domain> domains_;
  // Keys are views into the vectors.
  std::unordered_map<std::string_view, const tenant*> by_name_;
};

}  // namespace consentry::policy::tenants
