// Templates that may go to more people than mail to single persons does (RULES A1.1): approved by a
// person of the operator, with a reason, for a time.
#include <boost/json.hpp>

#include "app/admin/api.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;

// A year: an approval that nobody looks at again is a hole.
constexpr std::chrono::days approval_max{366};

json::object shown(const template_approval& a) {
  return {{"fingerprint", hex(a.digest)},
          {"approver", a.approver},
          {"reason", a.reason},
          {"approved_at", to_string_utc(a.approved_at)},
          {"expires_at", to_string_utc(a.expires_at)}};
}

std::optional<std::string> digest_of(const std::string& text) {
  auto bytes = parse_hex(ascii_lower(text));
  if (!bytes || bytes->size() != 16) return std::nullopt;
  return bytes;
}

journal::event act(tenant_id tenant, const request& r, instant at, const std::string& what,
                   const std::string& digest, const std::string& reason) {
  journal::event e{.kind = journal::event_kind::desk_act,
                   .at = at,
                   .tenant = tenant,
                   .reason = reason,
                   .rule = "A1.1",
                   .actor = actor_of(r)};
  e.facts = {{"act", what}, {"template", hex(digest)}};
  return e;
}

resource approve(api_context& c, tenant_id tenant, const request& r) {
  json_body body{r.body};
  const auto digest = digest_of(body.required_text("fingerprint"));
  template_approval a;
  a.reason = body.required_text("reason");
  const auto until = parse_timestamp(body.required_text("expires"));
  body.finish();
  a.approved_at = c.clock.now();
  if (!digest) co_return problem(422, "fingerprint: 32 hexadecimal digits, as `why` shows them");
  if (!until || *until <= a.approved_at || *until > a.approved_at + approval_max)
    co_return problem(422, "expires: a day or time within the next year");
  a.digest = *digest;
  a.approver = actor_of(r);
  a.expires_at = *until;
  auto e = act(tenant, r, a.approved_at, "template.approve", a.digest, a.reason);
  e.facts["expires"] = to_string_utc(a.expires_at);
  commit_loop::operation op = [&c, tenant, a, e](write_txn& txn) {
    c.rooms.fingerprints.approve(txn, tenant, a);
    c.rooms.journal.append(txn, e);
  };
  const auto done = co_await c.rooms.commits.commit(std::move(op));
  if (!done) co_return problem_of(done.error());
  co_return json_response(shown(a), 201);
}

resource revoke(api_context& c, tenant_id tenant, const request& r) {
  json_body body{r.body};
  const auto reason = body.required_text("reason");
  body.finish();
  const auto digest = digest_of(r.path[4]);
  if (!digest) co_return problem(404, "no such template");
  const auto e = act(tenant, r, c.clock.now(), "template.revoke", *digest, reason);
  auto was_there = std::make_shared<bool>(false);
  commit_loop::operation op = [&c, tenant, e, was_there, digest = *digest](write_txn& txn) {
    *was_there = c.rooms.fingerprints.revoke(txn, tenant, digest);
    if (*was_there) c.rooms.journal.append(txn, e);
  };
  const auto done = co_await c.rooms.commits.commit(std::move(op));
  if (!done) co_return problem_of(done.error());
  if (!*was_there) co_return problem(404, "no such template");
  co_return json_response(json::object{{"fingerprint", hex(*digest)}, {"revoked", true}});
}

response list(api_context& c, tenant_id tenant) {
  auto all = c.rooms.env.read([&](read_txn& txn) {
    json::array out;
    for (const auto& a : c.rooms.fingerprints.approvals(txn, tenant, 1000)) out.push_back(shown(a));
    return out;
  });
  if (!all) return problem_of(all.error());
  return json_response(json::object{{"templates", std::move(*all)}});
}

}  // namespace

resource templates_resource(api_context& c, const policy::tenants::tenant& t, request r) {
  const auto id = t.id;
  if (r.path.size() == 4 && r.method == "GET") co_return list(c, id);
  if (r.path.size() == 4 && r.method == "POST") co_return co_await approve(c, id, r);
  if (r.path.size() == 6 && r.path[5] == "revoke" && r.method == "POST")
    co_return co_await revoke(c, id, r);
  co_return problem(404, "no such resource");
}

}  // namespace consentry::app::admin
