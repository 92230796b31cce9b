// A person who signs in to the HTTP interface: of the operator's staff, or of one tenant (RULES A2
// 9: one login is one person). Machines that submit mail have credentials instead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace consentry::policy::tenants {

// Numbers are stored.
enum class role : std::uint8_t {
  none = 0,          // nobody we know: may nothing
  admin = 1,         // the operator's: everything
  desk = 2,          // the abuse desk: sees everything, stops and releases mail
  auditor = 3,       // sees everything, changes nothing
  tenant_admin = 4,  // its tenant's data, and its tenant's users
  tenant_user = 5,   // its tenant's data
};
std::string_view to_string(role r) noexcept;  // "tenant-admin"
std::optional<role> parse_role(std::string_view name) noexcept;

constexpr bool is_staff(role r) noexcept {
  return r == role::admin || r == role::desk || r == role::auditor;
}
constexpr bool is_tenants(role r) noexcept {
  return r == role::tenant_admin || r == role::tenant_user;
}

struct user {
  std::string login;  // unique in the whole gateway: 2 to 64 of a-z 0-9 . _ @ + -
  std::string name;   // of the person
  tenant_id tenant;   // 0: staff
  role as = role::none;
  bool active = true;
  instant created_at{};
};

// What stands for a bearer token: the token itself is shown once and kept nowhere.
struct token_record {
  std::uint32_t number = 0;  // among those of its user, from 1
  std::string login;
  std::string label;  // what it is for: "CRM", "laptop"
  instant created_at{};
  std::optional<instant> expires_at;
  std::optional<instant> last_used;  // to the hour
};

// What is stored: under the login, and under the SHA-256 of the token. Decoding throws
// decode_error.
std::string encode(const user& u);
user decode_user(std::string_view login, std::string_view bytes);
std::string encode(const token_record& t);
token_record decode_token(std::string_view bytes);

// failure_kind::invalid naming what is wrong.
result<void> validate(const user& u);

}  // namespace consentry::policy::tenants
