#include "app/admin/console_session.h"

#include "app/admin/api.h"
#include "base/secret.h"
#include "base/text.h"

namespace consentry::app::admin {

namespace {

std::string header(const request& r, const std::string& name) {
  const auto found = r.headers.find(name);
  return found == r.headers.end() ? std::string{} : found->second;
}

bool changes_something(const std::string& method) {
  return method != "GET" && method != "HEAD";
}

// To the minute, and nobody waits for it. What a page asks for by itself is no use: an unwatched
// screen must end.
void note_use(api_context& c, const request& r, const policy::tenants::signed_in& s) {
  const auto now = c.clock.now();
  if (r.headers.contains("x-background")) return;
  if (s.noted && now - *s.noted < std::chrono::minutes{1}) return;
  commit_loop::operation op = [&users = c.rooms.users, key = s.token, now](write_txn& txn) {
    users.console().note_use(txn, key, now);
  };
  c.rooms.commits.submit(std::move(op), [](result<void>) {});
}

}  // namespace

std::string csrf_token_of(std::string_view secret) {
  return base32(as_bytes(hmac_sha256(secret, "consentry csrf")));
}

bool is_cross_site(const request& r) {
  if (const auto site = header(r, "sec-fetch-site"); !site.empty())
    return site != "same-origin" && site != "none";
  const auto origin = header(r, "origin");
  if (origin.empty()) return false;
  const auto scheme = origin.find("://");
  return scheme == std::string::npos || origin.substr(scheme + 3) != header(r, "host");
}

std::optional<response> identify_by_session(api_context& c, request& r, const std::string& secret) {
  const auto over = [] { return problem(401, "no session, or it has ended", "no_session"); };
  const auto key = sha256(secret);
  const auto found = c.rooms.env.read([&](read_txn& txn) {
    return c.rooms.users.in_session(txn, key, c.console.sessions, c.clock.now());
  });
  if (!found) return problem_of(found.error());
  if (!*found) return over();
  if (is_cross_site(r)) return problem(403, "this came from another site", "cross_site");
  if (changes_something(r.method) &&
      !equal_in_constant_time(header(r, "x-csrf-token"), csrf_token_of(secret)))
    return problem(403, "X-CSRF-Token is missing or wrong", "csrf");
  const auto& who = (*found)->who;
  r.person = who.login;
  r.as = who.as;
  r.tenant = who.tenant;
  r.by_session = key;
  note_use(c, r, **found);
  return std::nullopt;
}

void add_page_headers(response& out) {
  out.headers.emplace_back("Content-Security-Policy",
                           "default-src 'none'; script-src 'self'; style-src 'self'; img-src "
                           "'self'; connect-src 'self'; frame-src 'self'; form-action 'none'; "
                           "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for "
                           "'script'; trusted-types preview");
  out.headers.emplace_back("X-Frame-Options", "DENY");
  out.headers.emplace_back("Referrer-Policy", "no-referrer");
  out.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  out.headers.emplace_back("Permissions-Policy", "camera=(), microphone=(), geolocation=()");
}

}  // namespace consentry::app::admin
