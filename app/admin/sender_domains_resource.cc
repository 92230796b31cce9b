// A tenant's sender domains: claimed, proven, given up.
#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/admin/tenant_json.h"
#include "app/domain_check.h"
#include "app/tenant_change.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
namespace tenants = policy::tenants;

// The keys of a domain: those there are, or new ones.
result<smtp::auth::key_ring::keys> dkim_keys(api_context& c, const std::string& domain,
                                             const std::string& selector) {
  if (auto have = c.live.dkim_keys.get()->of(domain); !have.empty()) return have;
  auto made = smtp::auth::create_keys(c.dkim_folder, domain, selector);
  if (!made) return made.error();
  c.reload_dkim_keys();
  return made;
}

json::array dns_records(const std::string& domain, const smtp::auth::key_ring::keys& keys) {
  json::array out;
  for (const auto& k : keys)
    out.push_back(
        json::object{{"name", k->dns_name()}, {"type", "TXT"}, {"value", k->dns_value()}});
  out.push_back(json::object{{"name", "_dmarc." + domain},
                             {"type", "TXT"},
                             {"value", "v=DMARC1; p=none; rua=mailto:postmaster@" + domain}});
  return out;
}

// A person of the operator vouches for the domain, unless the body asks for proof by DNS.
resource add_domain(api_context& c, const tenants::tenant& t, const request& r) {
  json_body body{r.body};
  const auto given = body.required_text("domain");
  const auto selector = body.text("selector", "c1");
  // A tenant cannot vouch for itself (RULES A2 1).
  const bool may_vouch = r.as == policy::tenants::role::admin;
  const auto proof = body.text("proof", may_vouch ? "operator" : "dns");
  body.finish();
  if (!may_vouch && proof == "operator")
    co_return problem(403, "only the operator can vouch for a domain: use proof dns");
  if (proof != "operator" && proof != "dns")
    co_return problem(422, "proof must be operator or dns");
  std::function<result<tenants::sender_domain>(write_txn&)> f =
      [&c, id = t.id, given, selector, is_vouched = proof == "operator", actor = actor_of(r),
       at = c.clock.now()](write_txn& txn) {
        auto added = c.rooms.tenants.add_domain(txn, id, given, selector, actor, at);
        if (!added || !is_vouched) return added;
        return c.rooms.tenants.verify_domain(txn, id, added->domain,
                                             tenants::domain_proof::operator_act, actor, at);
      };
  const auto added = co_await change_tenants<tenants::sender_domain>(c.rooms, std::move(f));
  if (!added) co_return problem_of(added.error());
  const auto keys = dkim_keys(c, added->domain, selector);
  if (!keys) co_return problem_of(keys.error());
  auto o = to_json(*added);
  auto records = dns_records(added->domain, *keys);
  if (const auto* own = o.if_contains("ownership_record"); own != nullptr && proof == "dns")
    records.insert(records.begin(), *own);
  o["dns"] = std::move(records);
  co_return json_response(o, 201);
}

resource check(api_context& c, const tenants::tenant& t, const std::string& domain,
               const request& r) {
  if (c.care == nullptr) co_return problem(503, "the DNS cannot be asked here");
  auto actor = actor_of(r);
  const auto checked = co_await check_domain(*c.care, t.id, domain, std::move(actor));
  if (!checked) co_return problem_of(checked.error());
  auto o = to_json(checked->domain);
  o["found"] = to_string(checked->found);
  if (!checked->detail.empty()) o["seen"] = checked->detail;
  const auto directory = c.rooms.directory.get();
  if (const auto* now = directory->find(t.id)) o["tenant_state"] = tenants::to_string(now->state);
  // Not there yet is a no; an answer that could not be had is neither.
  const int status = checked->found == domain_finding::verified      ? 200
                     : checked->found == domain_finding::unreachable ? 503
                                                                     : 409;
  const std::string detail =
      checked->found == domain_finding::verified    ? "the token is there"
      : checked->found == domain_finding::absent    ? "there is no such TXT record"
      : checked->found == domain_finding::different ? "the TXT record is there, with another value"
                                                    : "the DNS gives no trustworthy answer";
  if (status != 200)
    co_return problem(status, detail, status == 409 ? "domain_unproven" : "dns_unavailable",
                      std::move(o));
  o["detail"] = detail;
  co_return json_response(o);
}

resource remove(api_context& c, const tenants::tenant& t, const std::string& domain,
                const request& r) {
  json_body body{r.body};
  const auto reason = body.required_text("reason");
  body.finish();
  std::function<result<tenants::sender_domain>(write_txn&)> f =
      [&c, id = t.id, domain, reason, actor = actor_of(r), at = c.clock.now()](write_txn& txn) {
        auto gone = c.rooms.tenants.remove_domain(txn, id, domain, reason, actor, at);
        if (gone) c.rooms.preflights.erase(txn, id, gone->domain);
        return gone;
      };
  const auto gone = co_await change_tenants<tenants::sender_domain>(c.rooms, std::move(f));
  if (!gone) co_return problem_of(gone.error());
  // The next owner of the name gets keys of its own.
  std::error_code error;
  std::filesystem::remove_all(c.dkim_folder.of(gone->domain), error);
  c.reload_dkim_keys();
  co_return json_response(json::object{{"domain", gone->domain}, {"removed", true}});
}

}  // namespace

resource sender_domains_resource(api_context& c, const policy::tenants::tenant& given, request r) {
  // The directory may be swapped while we wait: keep a copy of the tenant.
  const auto t = given;
  if (r.method != "POST") co_return problem(405, "only POST");
  if (r.path.size() == 4) co_return co_await add_domain(c, t, r);
  if (r.path.size() == 6 && r.path[5] == "check") co_return co_await check(c, t, r.path[4], r);
  if (r.path.size() == 6 && r.path[5] == "remove") co_return co_await remove(c, t, r.path[4], r);
  co_return problem(404, "no such resource");
}

}  // namespace consentry::app::admin
