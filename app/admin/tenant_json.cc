#include "app/admin/tenant_json.h"

#include <boost/json.hpp>

#include "app/domain_check.h"
#include "base/civil_date.h"

namespace consentry::app::admin {

namespace json = boost::json;
namespace tenants = policy::tenants;

namespace {

std::string shown_state(const tenants::tenant& t, bool is_bulk_blocked) {
  const std::string state{tenants::to_string(t.state)};
  if (!is_bulk_blocked) return state;
  return t.state == tenants::tenant_state::active ? "bulk_blocked" : state + ", bulk_blocked";
}

}  // namespace

json::object to_json(const tenants::tenant& t, bool is_bulk_blocked) {
  json::object o{{"name", t.name},
                 {"id", t.id.value},
                 {"legal_name", t.legal_name},
                 {"contact", t.contact},
                 {"state", tenants::to_string(t.state)},
                 {"shown_state", shown_state(t, is_bulk_blocked)},
                 {"state_since", to_string_utc(t.state_since)},
                 {"created_at", to_string_utc(t.created_at)},
                 {"contact_confirmed", t.is_contact_confirmed()},
                 {"bulk_blocked", is_bulk_blocked}};
  if (t.is_contact_confirmed()) {
    o["contact_confirmed_at"] = to_string_utc(t.contact_confirmed_at);
    o["contact_confirmed_by"] = t.contact_confirmed_by;
  } else if (!t.contact_token_hash.empty()) {
    o["contact_link_expires"] = to_string_utc(t.contact_token_expires_at);
  }
  if (t.state == tenants::tenant_state::terminated) {
    o["ended_because"] = tenants::to_string(t.ended_because);
    // RULES A2 10: there on day 90, gone on day 91.
    const auto last = std::chrono::sys_days{budapest_day(t.state_since)} + std::chrono::days{90};
    o["data_kept_until"] = consentry::to_string(civil_date{last});
  }
  if (!t.postal_address.empty()) o["postal_address"] = t.postal_address;
  return o;
}

json::object to_json(const tenants::sender_domain& d) {
  json::object o{{"domain", d.domain},
                 {"verified_by", tenants::to_string(d.verified_by)},
                 {"dkim_selector", d.dkim_selector},
                 {"dns_token", d.dns_token}};
  if (d.verified_by != tenants::domain_proof::dns_token)
    o["ownership_record"] =
        json::object{{"name", ownership_name(d)}, {"type", "TXT"}, {"value", ownership_value(d)}};
  return o;
}

json::object to_json(const tenants::credential& c) {
  json::object o{{"user", c.user}, {"stream", smtp::to_string(c.stream)}, {"active", c.active}};
  if (!c.campaign.empty()) o["campaign"] = c.campaign;
  if (!c.topic.empty()) o["topic"] = c.topic;
  return o;
}

}  // namespace consentry::app::admin
