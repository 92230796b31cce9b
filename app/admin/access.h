// Who may ask for what: the one table of routes, and what is decided by it before a resource is
// asked. docs/api.md is written from the same table.
//
// A tenant's people see their own tenant only: another's, and anything in it, is answered exactly
// as one that does not exist (404). What stands below it is 403.
#pragma once

#include <span>
#include <string_view>
#include <variant>

#include "app/admin/api.h"
#include "policy/tenants/user.h"

namespace consentry::app::admin {

using policy::tenants::role;

struct role_set {
  std::uint8_t bits = 0;
  constexpr bool has(role r) const noexcept { return (bits >> static_cast<int>(r) & 1) != 0; }
  constexpr role_set operator|(role_set other) const noexcept {
    return {static_cast<std::uint8_t>(bits | other.bits)};
  }
};
constexpr role_set only(role r) noexcept {
  return {static_cast<std::uint8_t>(1u << static_cast<int>(r))};
}

// Whose data an answer shows. What the operator's people look at stands in the tenant's own audit
// (RULES A2 4): a tenant's data with who and when, one person's data with the reason as well.
enum class view : std::uint8_t {
  nothing,  // of the platform, or no data of persons
  tenant,   // a list of a tenant's
  person,   // somebody's: X-Reason is required of staff
};

// What a body may be; the server refuses others with 415 before it reads them.
enum class takes : std::uint8_t { nothing, json, rows, json_or_rows, message, anything };

inline constexpr std::size_t small_body = 64u << 10;
inline constexpr std::size_t text_body = 512u << 10;  // a text of 64 KiB, escaped
inline constexpr std::size_t large_json = 4u << 20;
inline constexpr std::size_t policy_body = 32u << 20;  // 16 MiB of files, escaped
inline constexpr std::size_t evidence_body = 512u << 10;
inline constexpr std::size_t large_body = 64u << 20;

using platform_resource = resource (*)(api_context&, request);
// The tenant named in the path; it outlives the call.
using tenant_resource = resource (*)(api_context&, const policy::tenants::tenant&, request);

struct route {
  std::string_view method;
  std::string_view pattern;    // "/v1/tenants/{tenant}/users/{login}"; {tenant} is always third
  std::string_view operation;  // operationId of docs/openapi.json
  role_set who;
  std::variant<platform_resource, tenant_resource> handle;
  view shows = view::nothing;
  takes body = takes::nothing;
  std::size_t body_bytes_max = small_body;

  bool is_of_tenant() const noexcept { return handle.index() == 1; }
};

// All of them, in the order of docs/api.md.
std::span<const route> routes() noexcept;

// The route of a request, or why there is none (404, 405 with Allow).
struct found_route {
  const route* where = nullptr;
  std::vector<std::string_view> allowed;  // the methods of a path whose method is another
};
found_route find_route(std::string_view method, const std::vector<std::string>& path);

// Decides on method, path, role, tenant and reason; the body is not looked at. nullopt: go on.
std::optional<response> refusal_of(api_context& c, const request& r);

// Identifies whoever asks, by the kernel's word or the bearer token, and decides as above and on
// the content type: all that can be said before a body is read. Any I/O thread.
admission let_in(api_context& c, request& r);

// The reason given with a request: X-Reason, else ?reason=; trimmed, at most 500 bytes of UTF-8.
std::string reason_of(const request& r);

// Puts into a tenant's audit that staff looked (does nothing for a tenant's own people). Lists are
// entered once in five minutes for the same person, list and reason. A failure means: do not show.
struct looked_at {
  tenant_id tenant;
  std::string_view what;  // the operation
  view how = view::person;
  std::string person;  // pseudonym; may be empty
  message_id message;
};
boost::asio::awaitable<result<void>> note_access(api_context& c, const request& r, looked_at what);

}  // namespace consentry::app::admin
