// A tenant's consents: import and look-up. Single writes and withdrawals: consent_writes.cc.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/admin/consent_json.h"
#include "app/evidence_gatherer.h"
#include "base/secret.h"
#include "base/text.h"
#include "policy/consent/import.h"
#include "smtp/address.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
namespace consent = policy::consent;
namespace tenants = policy::tenants;

struct import_answer {
  std::optional<failure> rejected;
  consent::import_plan plan;
  consent::import_summary summary;
};

// Blocks: for a worker.
import_answer run_import(api_context& c, const tenants::tenant& t,
                         const consent::import_request& wanted, const std::string& file,
                         bool dry_run) {
  import_answer out;
  consent::import_lookup lookup;
  lookup.pseudonym = [&t](const std::string& key) { return tenants::pseudonym(t, key); };
  lookup.is_stored = [&c, &t](const std::string& person) {
    const auto found = c.rooms.env.read(
        [&](read_txn& txn) { return c.rooms.consents.find_person(txn, t.id, person).has_value(); });
    return found && *found;
  };
  auto plan = consent::plan_import(file, wanted, lookup);
  if (!plan) {
    out.rejected = plan.error();
    return out;
  }
  out.plan = std::move(*plan);
  if (dry_run) return out;
  const consent::commit_slice commit = [&c](commit_loop::operation op) {
    return c.rooms.commits.run(std::move(op));
  };
  auto summary = consent::apply_import(out.plan, wanted, c.rooms.consents, commit);
  if (!summary)
    out.rejected = summary.error();
  else
    out.summary = *summary;
  return out;
}

json::object shown(const import_answer& a, bool dry_run) {
  json::object by_reason;
  for (const auto& [reason, count] : a.plan.refused_by_reason) by_reason[reason] = count;
  json::array rows;
  for (const auto& row : a.plan.refused)
    rows.push_back(json::object{
        {"line", row.line}, {"reason", row.reason}, {"text", to_valid_utf8(row.text)}});
  return {{"dry_run", dry_run},
          {"rows", a.plan.rows_read},
          {"taken", a.plan.rows.size()},
          {"refused", a.plan.refused_count()},
          {"added", a.summary.added},
          {"renewed", a.summary.renewed},
          {"kept", a.summary.kept},
          {"still_withdrawn", a.summary.still_withdrawn},
          {"withdrawals", a.summary.withdrawals},
          {"refused_by_reason", std::move(by_reason)},
          {"refused_rows", std::move(rows)}};
}

resource import(api_context& c, const tenants::tenant& t, request r) {
  consent::import_request wanted;
  wanted.tenant = t.id;
  wanted.default_sender = sender_identity(t);
  wanted.importer = r.person;
  wanted.source = r.query.contains("source") ? r.query.at("source") : "upload";
  wanted.now = c.clock.now();
  if (r.content_type == "application/x-ndjson")
    wanted.format = consent::import_format::ndjson;
  else if (r.content_type == "text/csv")
    wanted.format = consent::import_format::csv;
  else
    co_return problem(415, "an import is text/csv or application/x-ndjson");
  const bool dry_run = r.query.contains("dry_run");
  auto work = [&c, &t, &wanted, &r, dry_run] { return run_import(c, t, wanted, r.body, dry_run); };
  const auto answer = co_await c.workers.run(std::move(work));
  if (answer.rejected) co_return problem_of(*answer.rejected);
  co_return json_response(shown(answer, dry_run));
}

result<std::string> person_of(const tenants::tenant& t, const std::string& address) {
  const auto mailbox = smtp::mailbox::parse(address);
  if (!mailbox) return mailbox.error();
  return tenants::pseudonym(t, mailbox->key());
}

resource look_up(api_context& c, const tenants::tenant& t, const request& r) {
  if (!r.query.contains("address")) co_return problem(422, "name an address: ?address=");
  const auto person = person_of(t, r.query.at("address"));
  if (!person) co_return problem_of(person.error());
  auto found = c.rooms.env.read([&](read_txn& txn) {
    json::array list;
    for (const auto& l : c.rooms.consents.list(txn, t.id, *person)) {
      // With the deliveries that are not applied yet: what a judge would see.
      const auto whole = l.all_topics ? std::nullopt : c.rooms.renewals.find(txn, l.key);
      auto o = to_json(whole ? *whole : l.record);
      if (l.all_topics) o["all_topics"] = true;
      list.push_back(std::move(o));
    }
    json::object o{{"person", hex(*person)}, {"consents", std::move(list)}};
    if (const auto p = c.rooms.consents.find_person(txn, t.id, *person)) {
      o["address"] = p->address;
      if (!p->name.empty()) o["name"] = to_valid_utf8(p->name);
    }
    o["history"] = history_json(c.rooms, txn, t.id, *person);
    if (const auto s = c.rooms.suppressions.find(txn, t.id, *person, c.clock.now()))
      o["suppressed"] = to_json(*s, policy::tenants::is_staff(r.as));
    return o;
  });
  if (!found) co_return problem_of(found.error());
  const bool known = !found->at("consents").as_array().empty() || found->contains("suppressed");
  co_return json_response(*found, known ? 200 : 404);
}

}  // namespace

resource consents_resource(api_context& c, const policy::tenants::tenant& given, request r) {
  // The directory may be swapped while we wait: keep a copy of the tenant.
  const auto t = given;
  const auto part = r.path.size() > 4 ? r.path[4] : std::string{};
  if (part == "withdraw") co_return co_await withdraw_consent(c, t, std::move(r));
  if (part.empty() && r.method == "POST" && r.content_type == "application/json")
    co_return co_await write_consents(c, t, std::move(r));
  if (part.empty() && r.method == "POST") co_return co_await import(c, t, std::move(r));
  if (part.empty() && r.method == "GET") co_return co_await look_up(c, t, r);
  co_return problem(404, "no such resource");
}

}  // namespace consentry::app::admin
