// Signing in to the console, and out: /v1/session. A password is set by the person itself here, by
// an admin at /v1/users/{login}/password.
#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include "app/admin/access.h"
#include "app/admin/commit_change.h"
#include "app/admin/password_change.h"
#include "base/log.h"
#include "base/password_hash.h"
#include "base/text.h"

namespace consentry::app::admin {

namespace {

namespace json = boost::json;
namespace tenants = policy::tenants;

constexpr std::size_t secret_bytes = 32;
constexpr std::size_t login_bytes_max = 64;

// Path=/ and no Domain are what "__Host-" demands (RFC 6265bis section 4.1.3.2).
constexpr std::string_view cookie_rest = "; Path=/; Secure; HttpOnly; SameSite=Strict";

std::string cookie(std::string_view secret) {
  return fmt::format("__Host-consentry={}{}", secret, cookie_rest);
}

// A hash that no password has: an unknown login takes as long as a known one.
const std::string& nobodys_hash() {
  static const std::string hash = hash_password(base32(random_bytes(16)));
  return hash;
}

response locked_out(std::chrono::milliseconds left) {
  auto out = problem(429, "too many failed sign-ins: wait a little", "locked_out");
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(left).count();
  out.headers.emplace_back("Retry-After", std::to_string(seconds));
  return out;
}

json::object shown(const api_context& c, const tenants::user& u, const tenants::session_record& s,
                   std::string_view secret) {
  json::object o{{"login", u.login},
                 {"name", u.name},
                 {"role", to_string(u.as)},
                 {"opened_at", to_string_utc(s.opened_at)},
                 {"ends_at", to_string_utc(s.opened_at + c.console.sessions.longest)},
                 {"idle_s", std::chrono::seconds{c.console.sessions.idle}.count()},
                 {"csrf", csrf_token_of(secret)}};
  const auto directory = c.rooms.directory.get();
  if (const auto* t = directory->find(u.tenant)) o["tenant"] = t->name;
  return o;
}

// Of an address behind a proxy on this host, the proxy's: then the login alone is counted.
bool counts_network(const std::string& ip) {
  return !ip.empty() && ip != "127.0.0.1" && ip != "::1";
}

std::chrono::milliseconds locked_for(api_context& c, const std::string& login,
                                     const std::string& ip) {
  const auto of_login = c.sign_ins.by_login.locked_for(login);
  if (!counts_network(ip)) return of_login;
  return std::max(of_login, c.sign_ins.by_network.locked_for(ip));
}

// Counted, told in the journal if the login is somebody's, and held back for a moment.
resource refuse(api_context& c, std::optional<tenants::user> u, std::string login, std::string ip) {
  auto wait = c.sign_ins.by_login.failed(login);
  if (counts_network(ip)) wait = std::max(wait, c.sign_ins.by_network.failed(ip));
  const bool is_locked = locked_for(c, login, ip).count() > 0;
  log::warn("app/admin", "sign_in_failed", {{"login", printable(login, 64)}, {"peer", ip}});
  if (u) {
    commit_loop::operation op = [&c, who = *u, is_locked, at = c.clock.now()](write_txn& txn) {
      c.rooms.users.console().note_failure(txn, who, is_locked ? "locked" : "failed", at);
    };
    const auto noted = co_await c.rooms.commits.commit(std::move(op));
    if (!noted) co_return problem_of(noted.error());
  }
  boost::asio::steady_timer pause{co_await boost::asio::this_coro::executor, wait};
  co_await pause.async_wait(boost::asio::use_awaitable);
  co_return problem(401, "login or password is wrong", "wrong_password");
}

struct checked_login {
  std::optional<tenants::user> who;
  std::string hashed;
};

result<checked_login> look_up(const api_context& c, const std::string& login) {
  return c.rooms.env.read([&](read_txn& txn) {
    checked_login out{.who = c.rooms.users.whose(txn, login)};
    const auto p = c.rooms.users.console().password_of(txn, login);
    if (p) out.hashed = p->hashed;
    return out;
  });
}

// nullopt: too many at once.
boost::asio::awaitable<std::optional<bool>> check(api_context& c, std::string password,
                                                  std::string hashed) {
  struct place {
    std::atomic<int>& count;
    int before;
    explicit place(std::atomic<int>& n) : count{n}, before{n.fetch_add(1)} {}
    ~place() { --count; }
  };
  const place mine{c.sign_ins.checks};
  if (mine.before >= sign_in_guard::checks_max) co_return std::nullopt;
  std::function<bool()> work = [password = std::move(password), hashed = std::move(hashed)] {
    const bool is_known = !hashed.empty();
    return is_password(password, is_known ? hashed : nobodys_hash()) && is_known;
  };
  const bool fits = co_await c.workers.run(std::move(work));
  co_return fits;
}

resource sign_in(api_context& c, request r) {
  if (is_cross_site(r)) co_return problem(403, "this came from another site", "cross_site");
  json_body body{r.body};
  const auto login = body.required_text("login");
  auto password = body.required_text("password");
  body.finish();
  if (login.size() > login_bytes_max || password.size() > password_bytes_max)
    co_return problem(422, "login and password are shorter than that");
  if (const auto left = locked_for(c, login, r.remote_ip); left.count() > 0)
    co_return locked_out(left);
  auto known = look_up(c, login);
  if (!known) co_return problem_of(known.error());
  const auto fits = co_await check(c, std::move(password), known->hashed);
  if (!fits) co_return problem(503, "too many sign-ins at once; come again");
  if (!*fits || !known->who || !known->who->active) {
    auto who = known->who;
    auto ip = r.remote_ip;
    co_return co_await refuse(c, std::move(who), login, std::move(ip));
  }
  // A secret from before the sign-in is never taken over: what somebody planted is worth nothing.
  const secret_text secret{base32(random_bytes(secret_bytes))};
  const std::string mine{r.session.empty() ? "" : as_bytes(sha256(r.session))};
  std::function<result<tenants::session_record>(write_txn&)> f =
      [&c, who = *known->who, key = sha256(secret.reveal()), mine,
       at = c.clock.now()](write_txn& txn) {
        return c.rooms.users.console().open(txn, who, key, mine, c.console.sessions, at);
      };
  const auto opened = co_await commit_change<tenants::session_record>(c, std::move(f));
  if (!opened && opened.error().kind == failure_kind::conflict)
    co_return problem(409, opened.error().public_text, "session_exists");
  if (!opened) co_return problem_of(opened.error());
  auto out = json_response(shown(c, *known->who, *opened, secret.reveal()), 201);
  out.headers.emplace_back("Set-Cookie", cookie(secret.reveal()));
  co_return out;
}

response no_session() {
  return problem(404, "whoever asks did not come by a session");
}

response show(api_context& c, const request& r) {
  if (!r.by_session) return no_session();
  using found = std::optional<std::pair<tenants::user, tenants::session_record>>;
  const auto o = c.rooms.env.read([&](read_txn& txn) -> found {
    const auto u = c.rooms.users.whose(txn, r.person);
    const auto s = c.rooms.users.console().find(txn, *r.by_session);
    if (!u || !s) return std::nullopt;
    return std::pair{*u, *s};
  });
  if (!o) return problem_of(o.error());
  if (!*o) return no_session();
  return json_response(shown(c, (*o)->first, (*o)->second, r.session));
}

resource sign_out(api_context& c, request r) {
  if (!r.by_session) co_return no_session();
  std::function<result<bool>(write_txn&)> f = [&c, login = r.person, actor = actor_of(r),
                                               at = c.clock.now()](write_txn& txn) -> result<bool> {
    const auto u = c.rooms.users.whose(txn, login);
    return u && c.rooms.users.console().close(txn, *u, actor, {}, at);
  };
  const auto closed = co_await commit_change<bool>(c, std::move(f));
  if (!closed) co_return problem_of(closed.error());
  auto out = json_response(json::object{{"signed_out", true}});
  out.headers.emplace_back("Set-Cookie",
                           fmt::format("__Host-consentry={}; Max-Age=0", cookie_rest));
  co_return out;
}

// One's own, by the old one.
resource change_own(api_context& c, request r) {
  if (!r.by_session) co_return no_session();
  json_body body{r.body};
  auto old = body.required_text("old");
  auto fresh = body.required_text("password");
  body.finish();
  if (const auto left = locked_for(c, r.person, r.remote_ip); left.count() > 0)
    co_return locked_out(left);
  auto known = look_up(c, r.person);
  if (!known) co_return problem_of(known.error());
  const auto fits = co_await check(c, std::move(old), known->hashed);
  if (!fits) co_return problem(503, "too many sign-ins at once; come again");
  if (!*fits || !known->who) {
    auto who = known->who;
    auto login = r.person;
    auto ip = r.remote_ip;
    co_return co_await refuse(c, std::move(who), std::move(login), std::move(ip));
  }
  password_order order{.tenant = known->who->tenant, .login = r.person, .actor = actor_of(r)};
  co_return co_await set_password(c, std::move(order), std::move(fresh));
}

}  // namespace

resource session_resource(api_context& c, request r) {
  if (r.path.size() == 3) co_return co_await change_own(c, std::move(r));
  if (r.method == "POST") co_return co_await sign_in(c, std::move(r));
  if (r.method == "DELETE") co_return co_await sign_out(c, std::move(r));
  co_return show(c, r);
}

// Checked, hashed on a worker, and in the store with its entry. Whoever was signed in is out.
resource set_password(api_context& c, password_order order, std::string password) {
  if (password.size() < c.password_length_min || password.size() > password_bytes_max)
    co_return problem(422, fmt::format("a password has {} to {} characters", c.password_length_min,
                                       password_bytes_max));
  if (!is_valid_utf8(password)) co_return problem(422, "a password is UTF-8");
  std::function<std::string()> work = [password = std::move(password)] {
    return hash_password(password);
  };
  auto hashed = co_await c.workers.run(std::move(work));
  auto login = order.login;
  std::function<result<bool>(write_txn&)> f = [&c, order = std::move(order),
                                               hashed = std::move(hashed),
                                               at = c.clock.now()](write_txn& txn) -> result<bool> {
    const auto u = c.rooms.users.find(txn, order.tenant, order.login);
    if (!u)
      return failure{
          .kind = failure_kind::not_found, .permanent = true, .public_text = "no such user"};
    c.rooms.users.console().set_password(txn, *u, hashed, order.actor, order.reason, at);
    return true;
  };
  const auto set = co_await commit_change<bool>(c, std::move(f));
  if (!set) co_return problem_of(set.error());
  co_return json_response(json::object{{"login", login}, {"password", "set"}});
}

// By an admin: a person who did not sign out elsewhere is let in again.
resource end_session(api_context& c, password_order order) {
  auto login = order.login;
  std::function<result<bool>(write_txn&)> f = [&c, order = std::move(order),
                                               at = c.clock.now()](write_txn& txn) -> result<bool> {
    const auto u = c.rooms.users.find(txn, order.tenant, order.login);
    if (!u)
      return failure{
          .kind = failure_kind::not_found, .permanent = true, .public_text = "no such user"};
    return c.rooms.users.console().close(txn, *u, order.actor, order.reason, at);
  };
  const auto ended = co_await commit_change<bool>(c, std::move(f));
  if (!ended) co_return problem_of(ended.error());
  co_return json_response(json::object{{"login", login}, {"ended", *ended}});
}

}  // namespace consentry::app::admin
