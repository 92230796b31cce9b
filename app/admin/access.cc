#include "app/admin/access.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include <algorithm>

#include "app/admin/console_files.h"
#include "app/metrics_page.h"
#include "base/secret.h"
#include "base/text.h"

namespace consentry::app::admin {

namespace {

namespace tenants = policy::tenants;

constexpr std::size_t reason_bytes_max = 500;
constexpr std::chrono::minutes one_look{5};

bool is_name(std::string_view segment) noexcept {
  return segment.starts_with('{');
}

bool fits(std::string_view pattern, const std::vector<std::string>& path) {
  const auto segments = split(pattern.substr(1), '/');
  if (segments.size() != path.size()) return false;
  for (std::size_t i = 0; i < path.size(); ++i)
    if (is_name(segments[i]) ? path[i].empty() : segments[i] != path[i]) return false;
  return true;
}

// A path written out beats one with a name in that place.
bool is_closer(std::string_view a, std::string_view b) noexcept {
  return std::ranges::count(a, '{') < std::ranges::count(b, '{');
}

response no_tenant(const std::string& name) {
  return problem(404, fmt::format("no tenant {}", printable(name, 64)));
}

bool is_taken(takes body, std::string_view type) noexcept {
  const bool is_json = type == "application/json";
  const bool is_rows = type == "text/csv" || type == "application/x-ndjson";
  switch (body) {
    case takes::nothing:
      return false;
    case takes::json:
      return is_json;
    case takes::rows:
      return is_rows;
    case takes::json_or_rows:
      return is_json || is_rows;
    case takes::message:
      return type == "message/rfc822";
    case takes::anything:
      return true;
  }
  return false;
}

std::string_view words(takes body) noexcept {
  switch (body) {
    case takes::nothing:
      return "no body";
    case takes::json:
      return "application/json";
    case takes::rows:
      return "text/csv or application/x-ndjson";
    case takes::json_or_rows:
      return "application/json, text/csv or application/x-ndjson";
    case takes::message:
      return "message/rfc822";
    case takes::anything:
      return "a body of any type";
  }
  return "";
}

bool is_in_group(const std::string& login, const std::string& group) {
  const auto* who = ::getpwnam(login.c_str());
  const auto* found = who != nullptr ? ::getgrnam(group.c_str()) : nullptr;
  if (found == nullptr) return false;
  const auto wanted = found->gr_gid;
  int count = 256;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  const auto* again = ::getpwnam(login.c_str());
  if (again == nullptr || ::getgrouplist(login.c_str(), again->pw_gid, groups.data(), &count) < 0)
    return false;
  groups.resize(static_cast<std::size_t>(count));
  return std::ranges::find(groups, wanted) != groups.end();
}

bool lists(const std::vector<std::string>& names, const std::string& login) {
  return std::ranges::any_of(names, [&](const std::string& n) {
    return n.starts_with('@') ? is_in_group(login, n.substr(1)) : n == login;
  });
}

role local_role(const socket_roles& roles, const std::string& login) {
  if (lists(roles.desk, login)) return role::desk;
  if (lists(roles.auditor, login)) return role::auditor;
  return role::admin;
}

// The use of a token is noted to the hour, and nobody waits for it.
void note_use(api_context& c, const tenants::signed_in& s) {
  const auto now = c.clock.now();
  if (s.noted && now - *s.noted < std::chrono::hours{1}) return;
  commit_loop::operation op = [&users = c.rooms.users, hash = s.token, now](write_txn& txn) {
    users.note_use(txn, hash, now);
  };
  c.rooms.commits.submit(std::move(op), [](result<void>) {});
}

response who_are_you() {
  auto out = problem(401, "a valid bearer token is required");
  out.headers.emplace_back("WWW-Authenticate", "Bearer");
  return out;
}

bool is_for_strangers(const request& r) {
  const auto* where = find_route(r.method, r.path).where;
  return where != nullptr && where->who.has(role::none);
}

// nullopt: r tells who asks.
std::optional<response> identify(api_context& c, request& r) {
  const secret_text bearer{std::exchange(r.bearer, {})};
  if (!r.kernel_login.empty()) {
    r.person = std::exchange(r.kernel_login, {});
    r.as = local_role(c.socket_roles, r.person);
    return std::nullopt;
  }
  if (bearer.empty() && !r.session.empty()) {
    auto no = identify_by_session(c, r, r.session);
    // Signing in is for whoever has no session, and gets by with one that is over.
    return no && is_for_strangers(r) ? std::nullopt : std::move(no);
  }
  if (bearer.empty() && is_for_strangers(r)) return std::nullopt;
  if (bearer.empty()) return who_are_you();
  const auto hash = sha256(bearer.reveal());
  const auto found = c.rooms.env.read(
      [&](read_txn& txn) { return c.rooms.users.sign_in(txn, hash, c.clock.now()); });
  if (!found) return problem_of(found.error());
  if (!*found) return who_are_you();
  const auto& who = (*found)->who;
  r.person = who.login;
  r.as = who.as;
  r.tenant = who.tenant;
  note_use(c, **found);
  return std::nullopt;
}

}  // namespace

found_route find_route(std::string_view method, const std::vector<std::string>& path) {
  found_route out;
  if (method == "HEAD") method = "GET";  // RFC 9110 section 9.3.2
  for (const auto& x : routes()) {
    if (!fits(x.pattern, path)) continue;
    if (x.method == method && (out.where == nullptr || is_closer(x.pattern, out.where->pattern)))
      out.where = &x;
    out.allowed.push_back(x.method);
  }
  return out;
}

std::string reason_of(const request& r) {
  std::string_view text;
  if (const auto h = r.headers.find("x-reason"); h != r.headers.end()) text = h->second;
  if (const auto q = r.query.find("reason"); text.empty() && q != r.query.end()) text = q->second;
  text = trim(text);
  if (text.size() > reason_bytes_max) text = text.substr(0, reason_bytes_max);
  return to_valid_utf8(text);
}

std::optional<response> refusal_of(api_context& c, const request& r) {
  const auto found = find_route(r.method, r.path);
  const auto directory = c.rooms.directory.get();
  const bool names_tenant = r.path.size() > 2 && r.path[1] == "tenants";
  if (names_tenant) {
    const auto* t = directory->find_named(r.path[2]);
    const bool is_foreign =
        r.as != role::none && !tenants::is_staff(r.as) && (t == nullptr || t->id != r.tenant);
    // Before anything else is said: what follows a foreign name tells nothing about it.
    if (t == nullptr || is_foreign) return no_tenant(r.path[2]);
  }
  if (found.where == nullptr && found.allowed.empty()) return problem(404, "no such resource");
  if (found.where == nullptr) {
    const auto methods = fmt::format("{}", fmt::join(found.allowed, ", "));
    auto out = problem(405, "only " + methods);
    out.headers.emplace_back("Allow", methods);
    return out;
  }
  if (!found.where->who.has(r.as))
    return problem(403, fmt::format("the role {} may not do this", to_string(r.as)));
  if (found.where->shows == view::person && tenants::is_staff(r.as) && reason_of(r).empty())
    return problem(422,
                   "whoever looks at a person's data must say why, in X-Reason: it stands in the "
                   "tenant's audit",
                   "reason_required");
  return std::nullopt;
}

admission let_in(api_context& c, request& r) {
  admission out;
  if (is_probe(r)) {
    out.refusal = probe_refusal(c, r);
    return out;
  }
  if (is_console_file(r)) {  // the same for everybody
    if (r.has_body) out.refusal = problem(415, "this takes no body");
    return out;
  }
  out.refusal = identify(c, r);
  if (!out.refusal) out.refusal = refusal_of(c, r);
  if (out.refusal) return out;
  const auto& where = *find_route(r.method, r.path).where;
  out.body_bytes_max = where.body_bytes_max;
  // Rows may be a whole list; JSON is parsed in one piece.
  if (where.body == takes::json_or_rows && r.content_type == "application/json")
    out.body_bytes_max = std::min(out.body_bytes_max, large_json);
  if (r.has_body && !is_taken(where.body, r.content_type))
    out.refusal = problem(415, fmt::format("this takes {}", words(where.body)));
  return out;
}

boost::asio::awaitable<result<void>> note_access(api_context& c, const request& r, looked_at what) {
  if (!tenants::is_staff(r.as) || !what.tenant) co_return result<void>{};
  journal::event e{.kind = journal::event_kind::accessed,
                   .at = c.clock.now(),
                   .tenant = what.tenant,
                   .message = what.message,
                   .person = std::move(what.person),
                   .actor = actor_of(r)};
  e.facts["what"] = what.what;
  if (auto reason = reason_of(r); !reason.empty()) e.facts["reason"] = std::move(reason);
  if (what.how == view::tenant &&
      !c.looks.is_new(
          fmt::format("{}\n{}\n{}\n{}", e.actor, e.tenant.value, what.what, e.facts["reason"]),
          e.at, one_look))
    co_return result<void>{};
  commit_loop::operation op = [&journal = c.rooms.journal, e](write_txn& txn) {
    journal.append(txn, e);
  };
  co_return co_await c.rooms.commits.commit(std::move(op));
}

bool recent_looks::is_new(const std::string& look, instant now, std::chrono::milliseconds within) {
  const std::scoped_lock lock{mutex_};
  if (const auto found = seen_.find(look); found != seen_.end() && now - found->second < within)
    return false;
  constexpr std::size_t looks_max = 4096;
  if (seen_.size() >= looks_max) seen_.clear();  // then entered twice, which is no harm
  seen_[look] = now;
  return true;
}

}  // namespace consentry::app::admin
