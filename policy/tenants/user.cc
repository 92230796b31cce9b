#include "policy/tenants/user.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/text.h"

namespace consentry::policy::tenants {
namespace {

constexpr std::uint8_t version = 1;

constexpr std::array role_names{
    std::pair{role::admin, std::string_view{"admin"}},
    std::pair{role::desk, std::string_view{"desk"}},
    std::pair{role::auditor, std::string_view{"auditor"}},
    std::pair{role::tenant_admin, std::string_view{"tenant-admin"}},
    std::pair{role::tenant_user, std::string_view{"tenant-user"}},
};

bool is_login(std::string_view s) noexcept {
  return s.size() >= 2 && s.size() <= 64 && std::ranges::all_of(s, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  std::string_view{"._@+-"}.find(c) != std::string_view::npos;
         });
}

void put(byte_writer& w, const std::optional<instant>& t) {
  w.flag(t.has_value());
  if (t) w.zigzag(to_ms(*t));
}

std::optional<instant> get_time(byte_reader& in) {
  if (!in.flag()) return std::nullopt;
  return from_ms(in.zigzag());
}

failure no(std::string text) {
  return {.kind = failure_kind::invalid, .permanent = true, .public_text = std::move(text)};
}

}  // namespace

std::string_view to_string(role r) noexcept {
  const auto it = std::ranges::find(role_names, r, &std::pair<role, std::string_view>::first);
  return it == role_names.end() ? "none" : it->second;
}

std::optional<role> parse_role(std::string_view name) noexcept {
  const auto it = std::ranges::find(role_names, name, &std::pair<role, std::string_view>::second);
  if (it == role_names.end()) return std::nullopt;
  return it->first;
}

std::string encode(const user& u) {
  byte_writer w;
  w.u8(version).text(u.name).varint(u.tenant.value).u8(static_cast<std::uint8_t>(u.as));
  w.flag(u.active).zigzag(to_ms(u.created_at));
  return w.take();
}

user decode_user(std::string_view login, std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("user: unknown version");
  user u;
  u.login = login;
  u.name = in.text();
  u.tenant = {static_cast<std::uint32_t>(in.varint())};
  u.as = static_cast<role>(in.u8());
  if (to_string(u.as) == "none") throw decode_error("user: unknown role");
  u.active = in.flag();
  u.created_at = from_ms(in.zigzag());
  if (!in.at_end()) throw decode_error("user: bytes behind it");
  return u;
}

std::string encode(const token_record& t) {
  byte_writer w;
  w.u8(version).varint(t.number).text(t.login).text(t.label).zigzag(to_ms(t.created_at));
  put(w, t.expires_at);
  put(w, t.last_used);
  return w.take();
}

token_record decode_token(std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("token: unknown version");
  token_record t;
  t.number = static_cast<std::uint32_t>(in.varint());
  t.login = in.text();
  t.label = in.text();
  t.created_at = from_ms(in.zigzag());
  t.expires_at = get_time(in);
  t.last_used = get_time(in);
  if (!in.at_end()) throw decode_error("token: bytes behind it");
  return t;
}

result<void> validate(const user& u) {
  if (!is_login(u.login))
    return no("login: 2 to 64 characters of a-z, 0-9, '.', '_', '@', '+' and '-'");
  if (trim(u.name).empty() || u.name.size() > 200 || !is_valid_utf8(u.name))
    return no("name: the person's own, at most 200 bytes of UTF-8");
  if (u.tenant ? !is_tenants(u.as) : !is_staff(u.as))
    return no(u.tenant ? "role: tenant-admin or tenant-user" : "role: admin, desk or auditor");
  return {};
}

}  // namespace consentry::policy::tenants
