// Who gets no more mail: of one tenant under /v1/tenants/{tenant}/suppressions, of the whole
// platform under /v1/suppressions.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/access.h"
#include "app/admin/consent_json.h"
#include "app/admin/write_once.h"
#include "base/text.h"
#include "smtp/address.h"

namespace consentry::app::admin {

namespace {

namespace json = boost::json;
namespace tenants = policy::tenants;
using reputation::suppression;
using reputation::suppression_reason;

// Whose list a request is about.
struct list_of {
  const tenants::tenant* tenant = nullptr;  // nullptr: the platform's
  std::size_t at = 2;                       // of the person in the path
  tenant_id id() const { return tenant != nullptr ? tenant->id : tenant_id{}; }
};

std::string pseudonym_of(const api_context& c, const list_of& of, const std::string& key) {
  return of.tenant != nullptr ? tenants::pseudonym(*of.tenant, key)
                              : tenants::platform_pseudonym(c.rooms.platform_key, key);
}

// An address, or the pseudonym that a list showed. nullopt: neither.
std::optional<std::string> person_named(const api_context& c, const list_of& of,
                                        const std::string& text) {
  if (text.size() == 32)
    if (auto bytes = parse_hex(text)) return bytes;
  const auto address = smtp::mailbox::parse(text);
  if (!address || address->is_null()) return std::nullopt;
  return pseudonym_of(c, of, address->key());
}

json::object shown(const read_txn& txn, const api_context& c, const list_of& of, bool to_staff,
                   const std::string& person, const suppression& s) {
  json::object o{{"person", hex(person)}};
  if (of.tenant != nullptr)
    if (const auto p = c.rooms.consents.find_person(txn, of.tenant->id, person))
      o["address"] = p->address;
  for (auto& m : to_json(s, to_staff)) o[m.key()] = std::move(m.value());
  return o;
}

response list(api_context& c, const list_of& of, const request& r) {
  const auto limit = number_of(r, "limit", 100, 1000);
  std::string after;
  if (const auto found = r.query.find("after"); found != r.query.end()) {
    const auto bytes = parse_hex(found->second);
    if (!bytes || bytes->size() != 16)
      return problem(422, "after must be what the page before gave as next");
    after = *bytes;
  }
  std::optional<suppression_reason> only;
  if (const auto found = r.query.find("only"); found != r.query.end()) {
    only = reputation::parse_suppression_reason(found->second);
    if (!only)
      return problem(422, "only is one of hard_bounce, manual, withdrawn, unsubscribe, complaint");
  }
  const bool to_staff = tenants::is_staff(r.as);
  auto o = c.rooms.env.read([&](read_txn& txn) {
    const auto page = c.rooms.suppressions.list(txn, of.id(), after, limit, only, c.clock.now());
    json::array all;
    for (const auto& e : page.entries) all.push_back(shown(txn, c, of, to_staff, e.person, e.what));
    json::object out{{"suppressions", std::move(all)}};
    if (!page.next.empty()) out["next"] = hex(page.next);
    return out;
  });
  return o ? json_response(*o) : problem_of(o.error());
}

response show(api_context& c, const list_of& of, const request& r) {
  const auto person = person_named(c, of, r.path[of.at]);
  if (!person) return problem(422, "name an address, or a person as the list shows it");
  auto o = c.rooms.env.read([&](read_txn& txn) -> std::optional<json::object> {
    const auto s = c.rooms.suppressions.find(txn, of.id(), *person, c.clock.now());
    if (!s) return std::nullopt;
    return shown(txn, c, of, tenants::is_staff(r.as), *person, *s);
  });
  if (!o) return problem_of(o.error());
  return *o ? json_response(**o) : problem(404, "not suppressed", "not_suppressed");
}

// What may be put in by hand: a complaint is the desk's word, an unsubscribe the tenant's list's.
bool may_add(suppression_reason why, const list_of& of, const request& r) {
  switch (why) {
    case suppression_reason::manual:
    case suppression_reason::hard_bounce:
      return true;
    case suppression_reason::unsubscribe:
      return of.tenant != nullptr;
    case suppression_reason::complaint:
      return tenants::is_staff(r.as);
    case suppression_reason::withdrawn:
      return false;
  }
  return false;
}

resource add(api_context& c, const list_of& of, const request& r) {
  json_body body{r.body};
  const auto person = person_named(c, of, body.required_text("address"));
  const auto why = reputation::parse_suppression_reason(body.text("code", "manual"));
  const auto until = end_of(body.text("until"), "until");
  const auto note = body.text("source");
  body.finish();
  if (!person) co_return problem(422, "address: not an address");
  if (!why || !may_add(*why, of, r))
    co_return problem(422, of.tenant != nullptr && !tenants::is_staff(r.as)
                               ? "code is one of manual, hard_bounce, unsubscribe"
                               : "code is one of manual, hard_bounce, complaint, and for a "
                                 "tenant's list unsubscribe");
  if (note.size() > 200 || !is_valid_utf8(note))
    co_return problem(422, "source: at most 200 bytes of UTF-8");
  const auto now = c.clock.now();
  if (until && *until <= now) co_return problem(422, "until lies in the past");
  const auto actor = actor_of(r);
  const suppression s{.reason = *why,
                      .source = note.empty() ? actor : actor + " " + note,
                      .at = now,
                      .expires_at = until};
  std::function<response(write_txn&)> write = [&list = c.rooms.suppressions, id = of.id(),
                                               person = *person, s, actor](write_txn& txn) {
    const bool is_news = list.add(txn, id, person, s, actor);
    const auto stands = list.find(txn, id, person, s.at);
    auto o = to_json(stands ? *stands : s, actor.starts_with("desk:"));
    o["person"] = hex(person);
    o["news"] = is_news;
    return json_response(o, is_news ? 201 : 200);
  };
  co_return co_await write_once(c, of.id(), r, std::move(write));
}

// RULES D3, C2: what a person said is not taken back by the firm it was said to; an address that
// did not exist may exist again.
bool may_remove(const suppression& s, bool is_tenants_own) {
  if (!is_tenants_own) return true;
  return s.reason == suppression_reason::hard_bounce ||
         (s.reason == suppression_reason::manual && reputation::is_tenants_own(s));
}

resource remove(api_context& c, const list_of& of, const request& r) {
  const auto person = person_named(c, of, r.path[of.at]);
  if (!person) co_return problem(422, "name an address, or a person as the list shows it");
  const auto reason = reason_of(r);
  if (reason.empty())
    co_return problem(422, "say why, in X-Reason: it stands in the journal", "reason_required");
  const bool is_tenants_own = tenants::is_tenants(r.as);
  std::function<response(write_txn&)> write =
      [&list = c.rooms.suppressions, id = of.id(), person = *person, reason, is_tenants_own,
       actor = actor_of(r), now = c.clock.now()](write_txn& txn) {
        const auto s = list.find(txn, id, person, now);
        if (!s) return problem(404, "not suppressed", "not_suppressed");
        if (!may_remove(*s, is_tenants_own))
          return problem(403, "only the abuse desk lifts this suppression", "suppression_stands");
        if (auto done = list.remove(txn, id, person, actor, reason, now); !done)
          return problem_of(done.error());
        return json_response(json::object{{"person", hex(person)}, {"removed", true}});
      };
  co_return co_await write_once(c, of.id(), r, std::move(write));
}

resource serve_list(api_context& c, list_of of, request r) {
  if (r.path.size() == of.at) {
    if (r.method == "GET") co_return list(c, of, r);
    co_return co_await add(c, of, r);
  }
  if (r.method == "GET") co_return show(c, of, r);
  co_return co_await remove(c, of, r);
}

}  // namespace

resource platform_suppressions(api_context& c, request r) {
  return serve_list(c, {}, std::move(r));
}

resource suppressions_resource(api_context& c, const tenants::tenant& t, request r) {
  return serve_list(c, {.tenant = &t, .at = 4}, std::move(r));
}

}  // namespace consentry::app::admin
