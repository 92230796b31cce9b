// What the desk decided of held mail, as labelled samples for `policy test`.
#include <boost/json.hpp>
#include <set>

#include "app/admin/access.h"
#include "app/admin/api.h"
#include "app/desk_samples.h"
#include "base/civil_date.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t page_max = 100;

json::object shown(const desk_sample& s, const policy::tenants::tenant_directory& directory,
                   bool with_mail) {
  const auto* t = directory.find(s.tenant);
  json::object o{{"tenant", t != nullptr ? t->name : std::to_string(s.tenant.value)},
                 {"fingerprint", hex(s.fingerprint)},
                 {"message", to_string(s.message)},
                 {"at", to_string_utc(s.at)},
                 {"label", s.label},
                 {"actor", s.actor},
                 {"reason", s.reason},
                 {"policy_version", s.policy_version}};
  if (with_mail) o["mail"] = base64(s.mail);
  return o;
}

resource list(api_context& c, request r) {
  const auto limit = number_of(r, "limit", 50, page_max);
  const bool with_mail = r.query.contains("mail") && r.query.at("mail") == "true";
  desk_sample_place place;
  if (r.query.contains("after")) {
    const auto bytes = parse_hex(r.query.at("after"));
    if (!bytes) co_return problem(422, "after must be what the page before gave as next");
    place = *bytes;
  }
  const auto directory = c.rooms.directory.get();
  std::set<tenant_id> tenants;
  auto o = c.rooms.env.read([&](read_txn& txn) {
    json::array samples;
    for (const auto& s : c.rooms.samples.page(txn, place, limit)) {
      samples.push_back(shown(s, *directory, with_mail));
      tenants.insert(s.tenant);
    }
    json::object out{{"samples", std::move(samples)}};
    if (!place.empty()) out["next"] = hex(place);
    return out;
  });
  if (!o) co_return problem_of(o.error());
  for (const auto t : with_mail ? tenants : std::set<tenant_id>{}) {
    looked_at what{.tenant = t, .what = "listDeskSamples", .how = view::tenant};
    if (const auto noted = co_await note_access(c, r, std::move(what)); !noted)
      co_return problem_of(noted.error());
  }
  co_return json_response(*o);
}

resource remove(api_context& c, request r) {
  const auto directory = c.rooms.directory.get();
  const auto* t = directory->find_named(r.path[3]);
  const auto fingerprint = parse_hex(ascii_lower(r.path[4]));
  if (t == nullptr || !fingerprint || fingerprint->size() != 16)
    co_return problem(404, "no such sample");
  const auto reason = reason_of(r);
  if (reason.empty()) co_return problem(422, "a reason is needed: X-Reason");
  journal::event e{.kind = journal::event_kind::desk_act,
                   .at = c.clock.now(),
                   .tenant = t->id,
                   .reason = reason,
                   .rule = "F10",
                   .actor = actor_of(r)};
  e.facts = {{"act", "sample.remove"}, {"content", hex(*fingerprint)}};
  auto was_there = std::make_shared<bool>(false);
  commit_loop::operation op = [&c, e, was_there, id = t->id,
                               digest = *fingerprint](write_txn& txn) {
    *was_there = c.rooms.samples.erase(txn, id, digest);
    if (*was_there) c.rooms.journal.append(txn, e);
  };
  if (const auto done = co_await c.rooms.commits.commit(std::move(op)); !done)
    co_return problem_of(done.error());
  if (!*was_there) co_return problem(404, "no such sample");
  co_return json_response(json::object{{"removed", true}});
}

}  // namespace

resource desk_samples_resource(api_context& c, request r) {
  if (r.method == "GET") co_return co_await list(c, std::move(r));
  co_return co_await remove(c, std::move(r));
}

}  // namespace consentry::app::admin
