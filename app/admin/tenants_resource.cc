// Tenants, their sender domains and their credentials.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/api.h"
#include "base/secret.h"
#include "base/text.h"
#include "smtp/address.h"
#include "smtp/server/sasl.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
namespace tenants = policy::tenants;

json::object shown(const tenants::tenant& t) {
  json::object o{{"name", t.name},
                 {"id", t.id.value},
                 {"legal_name", t.legal_name},
                 {"contact", t.contact},
                 {"state", tenants::to_string(t.state)},
                 {"state_since", to_string_utc(t.state_since)},
                 {"created_at", to_string_utc(t.created_at)}};
  if (!t.postal_address.empty()) o["postal_address"] = t.postal_address;
  return o;
}

json::object shown(const tenants::sender_domain& d) {
  return {{"domain", d.domain},
          {"verified_by", tenants::to_string(d.verified_by)},
          {"dkim_selector", d.dkim_selector},
          {"dns_token", d.dns_token}};
}

json::object shown(const tenants::credential& c) {
  json::object o{{"user", c.user}, {"stream", smtp::to_string(c.stream)}, {"active", c.active}};
  if (!c.campaign.empty()) o["campaign"] = c.campaign;
  if (!c.topic.empty()) o["topic"] = c.topic;
  return o;
}

json::object whole(api_context& c, const tenants::tenant_directory& directory,
                   const tenants::tenant& t) {
  auto o = shown(t);
  json::array domains, credentials;
  for (const auto* d : directory.domains_of(t.id)) domains.push_back(shown(*d));
  for (const auto* x : directory.credentials_of(t.id)) credentials.push_back(shown(*x));
  o["domains"] = std::move(domains);
  o["credentials"] = std::move(credentials);
  o["bulk_blocked"] = c.rooms.blocker.is_bulk_closed(t.id);
  return o;
}

// Runs a change of the registry that may itself say no, and swaps the directory when it is done.
template <class T>
boost::asio::awaitable<result<T>> change(api_context& c, std::function<result<T>(write_txn&)> f) {
  auto answer = std::make_shared<std::optional<result<T>>>();
  commit_loop::operation op = [f = std::move(f), answer](write_txn& txn) {
    answer->emplace(f(txn));
  };
  if (auto done = co_await c.rooms.commits.commit(std::move(op)); !done) co_return done.error();
  if (!**answer) co_return (*answer)->error();
  if (auto loaded = c.rooms.reload_directory(); !loaded) co_return loaded.error();
  co_return std::move(**answer);
}

resource add_tenant(api_context& c, const request& r) {
  json_body body{r.body};
  tenants::tenant wanted;
  wanted.name = body.required_text("name");
  wanted.legal_name = body.required_text("legal_name");
  wanted.contact = body.required_text("contact");
  wanted.postal_address = body.text("postal_address");
  // The operator vouches for whom he adds; a tenant that signs itself up will start as pending.
  const auto state = tenants::parse_tenant_state(body.text("state", "active"));
  body.finish();
  if (!state) co_return problem(422, "state must be pending or active");
  std::function<result<tenants::tenant>(write_txn&)> f = [&c, wanted, state = *state,
                                                          actor = actor_of(r),
                                                          at = c.clock.now()](write_txn& txn) {
    auto added = c.rooms.tenants.add_tenant(txn, wanted, actor, at);
    if (!added || state == added->state) return added;
    return c.rooms.tenants.change_state(txn, added->id, state, "added by the operator", actor, at);
  };
  const auto added = co_await change<tenants::tenant>(c, std::move(f));
  if (!added) co_return problem_of(added.error());
  co_return json_response(shown(*added), 201);
}

resource change_state(api_context& c, const tenants::tenant& t, const request& r) {
  json_body body{r.body};
  const auto name = body.required_text("state");
  const auto reason = body.required_text("reason");
  body.finish();
  const auto state = tenants::parse_tenant_state(name);
  if (!state) co_return problem(422, "state must be one of active, overdue, suspended, terminated");
  std::function<result<tenants::tenant>(write_txn&)> f = [&c, id = t.id, state = *state, reason,
                                                          actor = actor_of(r),
                                                          at = c.clock.now()](write_txn& txn) {
    return c.rooms.tenants.change_state(txn, id, state, reason, actor, at);
  };
  const auto changed = co_await change<tenants::tenant>(c, std::move(f));
  if (!changed) co_return problem_of(changed.error());
  co_return json_response(shown(*changed));
}

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

resource add_domain(api_context& c, const tenants::tenant& t, const request& r) {
  json_body body{r.body};
  const auto given = body.required_text("domain");
  const auto selector = body.text("selector", "c1");
  body.finish();
  std::function<result<tenants::sender_domain>(write_txn&)> f =
      [&c, id = t.id, given, selector, actor = actor_of(r), at = c.clock.now()](write_txn& txn) {
        auto added = c.rooms.tenants.add_domain(txn, id, given, selector, actor, at);
        if (!added) return added;
        return c.rooms.tenants.verify_domain(txn, id, added->domain,
                                             tenants::domain_proof::operator_act, actor, at);
      };
  const auto added = co_await change<tenants::sender_domain>(c, std::move(f));
  if (!added) co_return problem_of(added.error());
  const auto keys = dkim_keys(c, added->domain, selector);
  if (!keys) co_return problem_of(keys.error());
  auto o = shown(*added);
  o["dns"] = dns_records(added->domain, *keys);
  co_return json_response(o, 201);
}

resource add_credential(api_context& c, const tenants::tenant& t, const request& r) {
  json_body body{r.body};
  tenants::credential wanted;
  wanted.user = body.required_text("user");
  wanted.tenant = t.id;
  const auto stream = smtp::parse_stream(body.text("stream", "bulk"));
  wanted.campaign = body.text("campaign");
  wanted.topic = body.text("topic");
  wanted.created_at = c.clock.now();
  secret_text password{body.text("password")};
  body.finish();
  if (!stream) co_return problem(422, "stream must be one of bulk, transactional, automation, doi");
  wanted.stream = *stream;
  const bool generated = password.empty();
  if (generated) password = secret_text{base32(random_bytes(20))};
  if (password.reveal().size() < 12)
    co_return problem(422, "password must have at least 12 characters");
  auto hash = [&password] { return smtp::server::make_scram_keys(password.reveal()); };
  auto scram = co_await c.workers.run(std::move(hash));
  if (!scram) co_return problem_of(scram.error());
  wanted.scram = {.salt = std::move(scram->salt),
                  .iterations = scram->iterations,
                  .stored_key = std::move(scram->stored_key),
                  .server_key = std::move(scram->server_key)};
  std::function<result<bool>(write_txn&)> f = [&c, wanted, actor = actor_of(r),
                                               at = c.clock.now()](write_txn& txn) -> result<bool> {
    auto added = c.rooms.tenants.add_credential(txn, wanted, actor, at);
    if (!added) return added.error();
    return true;
  };
  const auto added = co_await change<bool>(c, std::move(f));
  if (!added) co_return problem_of(added.error());
  auto o = shown(wanted);
  if (generated) o["password"] = password.reveal();
  co_return json_response(o, 201);
}

resource one_tenant(api_context& c, request r) {
  const auto directory = c.rooms.directory.get();
  const auto* t = directory->find_named(r.path[2]);
  if (t == nullptr) co_return problem(404, fmt::format("no tenant {}", printable(r.path[2], 64)));
  const auto part = r.path.size() > 3 ? r.path[3] : std::string{};
  const bool is_post = r.method == "POST";
  if (part.empty() && r.method == "GET") co_return json_response(whole(c, *directory, *t));
  if (part == "state" && is_post) co_return co_await change_state(c, *t, r);
  if (part == "domains" && is_post) co_return co_await add_domain(c, *t, r);
  if (part == "credentials" && is_post) co_return co_await add_credential(c, *t, r);
  if (part == "consents") co_return co_await consents_resource(c, *t, std::move(r));
  if (part == "evidence") co_return co_await evidence_resource(c, *t, std::move(r));
  if (part == "notices") co_return co_await notices_resource(c, *t, std::move(r));
  if (part == "standing" || part == "block" || part == "unblock")
    co_return co_await standing_resource(c, *t, std::move(r));
  co_return problem(404, "no such resource");
}

}  // namespace

resource tenants_resource(api_context& c, request r) {
  if (r.path.size() > 2) co_return co_await one_tenant(c, std::move(r));
  if (r.method == "POST") co_return co_await add_tenant(c, r);
  if (r.method != "GET") co_return problem(405, "only GET and POST");
  const auto directory = c.rooms.directory.get();
  json::array all;
  for (const auto& t : directory->tenants()) {
    auto o = shown(t);
    o["bulk_blocked"] = c.rooms.blocker.is_bulk_closed(t.id);
    all.push_back(std::move(o));
  }
  co_return json_response(json::object{{"tenants", std::move(all)}});
}

}  // namespace consentry::app::admin
