// Users and their bearer tokens: the operator's staff under /v1/users, a tenant's own people under
// /v1/tenants/{tenant}/users. Who am I: /v1/me.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>

#include "app/admin/access.h"
#include "app/admin/commit_change.h"
#include "app/admin/openapi_document.h"
#include "app/admin/password_change.h"
#include "base/secret.h"
#include "base/text.h"

namespace consentry::app::admin {

namespace {

namespace json = boost::json;
namespace tenants = policy::tenants;

// Bearer tokens are recognized by it, by people and by scanners for leaked secrets.
constexpr std::string_view token_mark = "cst_";
constexpr std::size_t token_bytes = 32;

// Whose users a request is about.
struct crowd {
  tenant_id tenant;         // 0: staff
  std::string tenant_name;  // empty: staff
  std::size_t at = 2;       // of the login in the path
};

json::object shown(const tenants::user& u, const crowd& of) {
  json::object o{{"login", u.login},
                 {"name", u.name},
                 {"role", to_string(u.as)},
                 {"active", u.active},
                 {"created_at", to_string_utc(u.created_at)}};
  if (!of.tenant_name.empty()) o["tenant"] = of.tenant_name;
  return o;
}

json::object shown(const tenants::token_record& t) {
  json::object o{
      {"number", t.number}, {"label", t.label}, {"created_at", to_string_utc(t.created_at)}};
  if (t.expires_at) o["expires_at"] = to_string_utc(*t.expires_at);
  if (t.last_used) o["last_used"] = to_string_utc(*t.last_used);
  return o;
}

tenants::user_act act_of(api_context& c, const request& r) {
  return {.actor = actor_of(r), .reason = reason_of(r), .at = c.clock.now()};
}

// RULES A2 9: a tenant's users are its administrator's affair. The operator's admin may act in his
// place, and then says why in the tenant's audit.
std::optional<response> missing_reason(const request& r, const crowd& of) {
  if (!of.tenant || !tenants::is_staff(r.as) || !reason_of(r).empty()) return std::nullopt;
  return problem(422,
                 "whoever changes a tenant's users in its place must say why, in X-Reason: it "
                 "stands in the tenant's audit",
                 "reason_required");
}

bool is_oneself(const request& r, const crowd& of, const std::string& login) {
  return r.person == login && r.tenant == of.tenant;
}

response not_oneself() {
  return problem(409, "nobody changes their own role, or locks themselves out");
}

response no_user(const std::string& login) {
  return problem(404, fmt::format("no user {}", printable(login, 64)));
}

tenants::role role_in(json_body& body) {
  const auto name = body.required_text("role");
  const auto as = tenants::parse_role(name);
  if (!as)
    throw configuration_error(
        "role must be one of admin, desk, auditor, tenant-admin, tenant-user");
  return *as;
}

response list(api_context& c, const crowd& of) {
  auto o = c.rooms.env.read([&](read_txn& txn) {
    json::array all;
    for (const auto& u : c.rooms.users.list(txn, of.tenant)) all.push_back(shown(u, of));
    return json::object{{"users", std::move(all)}};
  });
  return o ? json_response(*o) : problem_of(o.error());
}

resource add(api_context& c, const crowd& of, const request& r) {
  if (auto no = missing_reason(r, of)) co_return std::move(*no);
  json_body body{r.body};
  tenants::user wanted;
  wanted.login = body.required_text("login");
  wanted.name = body.required_text("name");
  wanted.as = role_in(body);
  wanted.tenant = of.tenant;
  body.finish();
  std::function<result<tenants::user>(write_txn&)> f = [&c, wanted,
                                                        by = act_of(c, r)](write_txn& txn) {
    return c.rooms.users.add(txn, wanted, by);
  };
  const auto added = co_await commit_change<tenants::user>(c, std::move(f));
  if (!added) co_return problem_of(added.error());
  co_return json_response(shown(*added, of), 201);
}

response show(api_context& c, const crowd& of, const std::string& login) {
  auto o = c.rooms.env.read([&](read_txn& txn) -> std::optional<json::object> {
    const auto u = c.rooms.users.find(txn, of.tenant, login);
    if (!u) return std::nullopt;
    auto out = shown(*u, of);
    const auto password = c.rooms.users.console().password_of(txn, login);
    out["has_password"] = password && !password->hashed.empty();
    out["in_session"] =
        c.rooms.users.console().has_session(txn, login, c.console.sessions, c.clock.now());
    json::array tokens;
    for (const auto& t : c.rooms.users.tokens(txn, login)) tokens.push_back(shown(t));
    out["tokens"] = std::move(tokens);
    return out;
  });
  if (!o) return problem_of(o.error());
  return *o ? json_response(**o) : no_user(login);
}

resource change(api_context& c, const crowd& of, const request& r, const std::string& login) {
  if (auto no = missing_reason(r, of)) co_return std::move(*no);
  json_body body{r.body};
  tenants::user_change wanted;
  if (body.has("name")) wanted.name = body.required_text("name");
  if (body.has("role")) wanted.as = role_in(body);
  wanted.active = body.flag("active");
  body.finish();
  if (is_oneself(r, of, login) && (wanted.as || wanted.active)) co_return not_oneself();
  std::function<result<tenants::user>(write_txn&)> f = [&c, tenant = of.tenant, login, wanted,
                                                        by = act_of(c, r)](write_txn& txn) {
    return c.rooms.users.change(txn, tenant, login, wanted, by);
  };
  const auto changed = co_await commit_change<tenants::user>(c, std::move(f));
  if (!changed) co_return problem_of(changed.error());
  co_return json_response(shown(*changed, of));
}

resource remove(api_context& c, const crowd& of, const request& r, const std::string& login) {
  if (auto no = missing_reason(r, of)) co_return std::move(*no);
  if (is_oneself(r, of, login)) co_return not_oneself();
  std::function<result<bool>(write_txn&)> f = [&c, tenant = of.tenant, login,
                                               by = act_of(c, r)](write_txn& txn) -> result<bool> {
    if (auto done = c.rooms.users.remove(txn, tenant, login, by); !done) return done.error();
    return true;
  };
  const auto removed = co_await commit_change<bool>(c, std::move(f));
  if (!removed) co_return problem_of(removed.error());
  co_return json_response(json::object{{"login", login}, {"removed", true}});
}

resource add_token(api_context& c, const crowd& of, const request& r, const std::string& login) {
  if (auto no = missing_reason(r, of)) co_return std::move(*no);
  json_body body{r.body};
  const auto label = body.text("label");
  const auto expires_at = end_of(body.text("expires_at"), "expires_at");
  body.finish();
  const secret_text token{std::string{token_mark} + base32(random_bytes(token_bytes))};
  std::function<result<tenants::token_record>(write_txn&)> f =
      [&c, tenant = of.tenant, login, hash = sha256(token.reveal()), label, expires_at,
       by = act_of(c, r)](write_txn& txn) {
        return c.rooms.users.add_token(txn, tenant, login, hash, label, expires_at, by);
      };
  const auto added = co_await commit_change<tenants::token_record>(c, std::move(f));
  if (!added) co_return problem_of(added.error());
  auto o = shown(*added);
  o["login"] = login;
  o["token"] = token.reveal();
  co_return json_response(o, 201);
}

resource revoke_token(api_context& c, const crowd& of, const request& r, const std::string& login,
                      const std::string& number_text) {
  if (auto no = missing_reason(r, of)) co_return std::move(*no);
  std::uint32_t number = 0;
  const auto* end = number_text.data() + number_text.size();
  const auto [at, error] = std::from_chars(number_text.data(), end, number);
  if (error != std::errc{} || at != end) co_return problem(404, "no such token");
  std::function<result<bool>(write_txn&)> f = [&c, tenant = of.tenant, login, number,
                                               by = act_of(c, r)](write_txn& txn) -> result<bool> {
    if (auto done = c.rooms.users.revoke_token(txn, tenant, login, number, by); !done)
      return done.error();
    return true;
  };
  const auto revoked = co_await commit_change<bool>(c, std::move(f));
  if (!revoked) co_return problem_of(revoked.error());
  co_return json_response(json::object{{"login", login}, {"number", number}, {"revoked", true}});
}

password_order order_of(const request& r, const crowd& of, const std::string& login) {
  return {.tenant = of.tenant, .login = login, .actor = actor_of(r), .reason = reason_of(r)};
}

resource new_password(api_context& c, const crowd& of, const request& r, const std::string& login) {
  if (auto no = missing_reason(r, of)) co_return std::move(*no);
  json_body body{r.body};
  auto password = body.required_text("password");
  body.finish();
  auto order = order_of(r, of, login);
  co_return co_await set_password(c, std::move(order), std::move(password));
}

resource end_theirs(api_context& c, const crowd& of, const request& r, const std::string& login) {
  if (auto no = missing_reason(r, of)) co_return std::move(*no);
  auto order = order_of(r, of, login);
  co_return co_await end_session(c, std::move(order));
}

resource serve_users(api_context& c, crowd of, request r) {
  if (r.path.size() == of.at) {
    if (r.method == "GET") co_return list(c, of);
    co_return co_await add(c, of, r);
  }
  const auto login = r.path[of.at];
  if (r.path.size() == of.at + 1) {
    if (r.method == "GET") co_return show(c, of, login);
    if (r.method == "PATCH") co_return co_await change(c, of, r, login);
    co_return co_await remove(c, of, r, login);
  }
  if (r.method == "PUT") co_return co_await new_password(c, of, r, login);
  if (r.path.back() == "session" && r.path.size() == of.at + 2)
    co_return co_await end_theirs(c, of, r, login);
  if (r.method == "POST") co_return co_await add_token(c, of, r, login);
  co_return co_await revoke_token(c, of, r, login, r.path[of.at + 2]);
}

}  // namespace

resource staff_resource(api_context& c, request r) {
  return serve_users(c, {}, std::move(r));
}

resource tenant_users_resource(api_context& c, const tenants::tenant& t, request r) {
  return serve_users(c, {.tenant = t.id, .tenant_name = t.name, .at = 4}, std::move(r));
}

resource me_resource(api_context& c, request r) {
  json::object o{{"person", r.person}, {"role", to_string(r.as)}};
  const auto directory = c.rooms.directory.get();
  if (const auto* t = directory->find(r.tenant)) o["tenant"] = t->name;
  co_return json_response(o);
}

resource openapi_resource(api_context&, request) {
  co_return response{.body = std::string{openapi_document()}};
}

resource routes_resource(api_context&, request) {
  json::array all;
  for (const auto& x : routes()) {
    json::array who;
    for (auto n = static_cast<int>(role::admin); n <= static_cast<int>(role::tenant_user); ++n)
      if (x.who.has(static_cast<role>(n)))
        who.push_back(json::value(to_string(static_cast<role>(n))));
    all.push_back(
        json::object{{"method", x.method},
                     {"path", x.pattern},
                     {"operation", x.operation},
                     {"roles", std::move(who)},
                     {"of_tenant", x.is_of_tenant()},
                     {"reason_required", x.shows == view::person},
                     {"body_bytes_max", x.body == takes::nothing ? 0 : x.body_bytes_max}});
  }
  co_return json_response(json::object{{"routes", std::move(all)}});
}

}  // namespace consentry::app::admin
