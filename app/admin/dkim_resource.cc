// The DKIM keys of sender domains and of the gateway: how old, in the DNS or not, one after
// another.
#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/dkim_rotation.h"
#include "base/civil_date.h"
#include "smtp/address.h"
#include "smtp/auth/sender_finding.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
namespace auth = smtp::auth;

constexpr std::uint64_t domains_shown = 200, domains_shown_max = 1000;

json::object shown(const dkim_rotation& rotation, const std::string& domain, const seen_key& k,
                   instant now) {
  const auto& key = *k.held.key;
  const auto age = std::chrono::duration_cast<std::chrono::days>(now - k.held.made_at);
  const bool is_ed = key.algorithm() == auth::dkim_algorithm::ed25519_sha256;
  json::object o{{"domain", domain},
                 {"selector", key.selector()},
                 {"algorithm", is_ed ? "ed25519-sha256" : "rsa-sha256"},
                 {"state", to_string(k.held.state)},
                 {"made_at", to_string_utc(k.held.made_at)},
                 {"since", to_string_utc(k.held.since)},
                 {"age_days", std::max<std::int64_t>(age.count(), 0)},
                 {"is_old", rotation.is_old(k.held)},
                 {"dns", to_string(k.dns)}};
  if (k.held.state == auth::key_state::retired)
    o["record_until"] = to_string_utc(rotation.leaves_at(k.held));
  o["record"] = json::object{
      {"name", key.dns_name()},
      {"type", "TXT"},
      {"value", key.dns_value()},
      {"zone_line",
       auth::zone_line({.name = key.dns_name(), .type = "TXT", .value = key.dns_value()})}};
  return o;
}

json::object shown(api_context& c, const std::string& domain, const std::vector<seen_key>& keys) {
  json::array rows;
  for (const auto& k : keys) rows.push_back(shown(*c.care->rotation, domain, k, c.clock.now()));
  return {{"domain", domain}, {"keys", std::move(rows)}};
}

// Without asking the DNS.
response list(api_context& c, const request& r) {
  const auto limit = number_of(r, "limit", domains_shown, domains_shown_max);
  const auto after = r.query.contains("after") ? r.query.at("after") : std::string{};
  const auto ring = c.live.dkim_keys.get();
  json::array rows;
  json::object o;
  std::uint64_t count = 0;
  std::string last;
  for (const auto& domain : ring->domains()) {
    if (domain <= after) continue;
    if (count++ == limit) {
      o["next"] = last;
      break;
    }
    for (const auto& k : ring->all_of(domain))
      rows.push_back(shown(*c.care->rotation, domain, {.held = k}, c.clock.now()));
    last = domain;
  }
  o["keys"] = std::move(rows);
  return json_response(o);
}

resource act(api_context& c, const std::string& domain, const request& r) {
  auto& rotation = *c.care->rotation;
  json_body body{r.body};
  const bool removes = r.path[3] == "remove";
  auto selector = removes                 ? body.required_text("selector")
                  : r.path[3] == "rotate" ? body.text("selector")
                                          : std::string{};
  body.finish();
  auto name = domain;
  auto actor = actor_of(r);
  if (removes) {
    const auto gone =
        co_await rotation.remove(std::move(name), std::move(selector), std::move(actor));
    if (!gone) co_return problem_of(gone.error());
    co_return json_response(json::object{{"domain", domain}, {"removed", true}});
  }
  if (r.path[3] == "rotate") {
    const auto made =
        co_await rotation.rotate(std::move(name), std::move(selector), std::move(actor));
    co_return made ? json_response(shown(c, domain, *made), 201) : problem_of(made.error());
  }
  const auto started = co_await rotation.activate(std::move(name), std::move(actor));
  if (!started && started.error().kind == failure_kind::conflict)
    co_return problem(409, started.error().public_text, "record_missing");
  if (!started && started.error().kind == failure_kind::dns)
    co_return problem(503, started.error().public_text, "dns_unavailable");
  co_return started ? json_response(shown(c, domain, *started)) : problem_of(started.error());
}

}  // namespace

resource dkim_resource(api_context& c, request r) {
  if (c.care == nullptr || c.care->rotation == nullptr)
    co_return problem(503, "the DNS cannot be asked here");
  if (r.path.size() == 2) co_return list(c, r);
  const auto domain = smtp::ascii_domain(r.path[2]);
  if (!domain) co_return problem(404, "no such domain");
  if (r.path.size() == 4) co_return co_await act(c, *domain, r);
  auto name = *domain;
  const auto keys = co_await c.care->rotation->look(std::move(name));
  if (!keys) co_return problem_of(keys.error());
  if (keys->empty()) co_return problem(404, "this domain has no keys here");
  co_return json_response(shown(c, *domain, *keys));
}

}  // namespace consentry::app::admin
