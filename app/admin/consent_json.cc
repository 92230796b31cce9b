#include "app/admin/consent_json.h"

#include <boost/json.hpp>

#include "app/admin/audit_json.h"
#include "app/complaint_veil.h"
#include "base/text.h"
#include "policy/consent/consent_history.h"
#include "policy/policy_set.h"

namespace consentry::app::admin {
namespace {

// Of the record's fields, for who reads them by program: 1 was without those of double opt-in,
// purchase, age and expiry, 2 without where a confirmation came from.
constexpr int schema_version = 3;
constexpr std::size_t history_shown_max = 1000;

void add(boost::json::object& o, const char* name, const std::string& value) {
  if (!value.empty()) o[name] = to_valid_utf8(value);
}

void add(boost::json::object& o, const char* name, const std::optional<instant>& value) {
  if (value) o[name] = to_string_budapest(*value);
}

}  // namespace

boost::json::object to_json(const policy::consent::consent_record& r) {
  boost::json::object o;
  o["schema_version"] = schema_version;
  add(o, "record", record_id(r));
  add(o, "topic", r.topic);
  add(o, "sender", r.sender);
  add(o, "given_at", r.given_at);
  add(o, "given_at_text", r.given_at_text);
  add(o, "doi_sent_at", r.doi_sent_at);
  add(o, "confirmed_at", r.confirmed_at);
  add(o, "confirmed_ip", r.confirmed_ip);
  add(o, "confirmed_user_agent", r.confirmed_user_agent);
  if (r.given_at) {
    const auto day = budapest_day(*r.given_at);
    o["consent_day"] = to_string(day);
    o["last_day"] = to_string(add_months(day, policy::rule_knobs::consent_months));
  }
  if (r.expires_on) o["expires_on"] = to_string(*r.expires_on);
  add(o, "method", r.method);
  add(o, "provenance", r.provenance);
  add(o, "notice_version", r.notice.version);
  add(o, "notice_hash", r.notice.hash);
  add(o, "notice_language", r.notice.language);
  add(o, "notice_url", r.notice.url);
  add(o, "evidence", r.evidence_reference);
  add(o, "form_id", r.form_id);
  if (r.tick != policy::consent::tick_state::none) o["tick"] = policy::consent::to_string(r.tick);
  if (r.box_came_ticked) o["box_came_ticked"] = *r.box_came_ticked;
  add(o, "ip", r.ip);
  add(o, "user_agent", r.user_agent);
  if (r.purchase_day) o["purchase_day"] = to_string(*r.purchase_day);
  add(o, "purchase_id", r.purchase_id);
  if (r.birth_day) o["birth_day"] = to_string(*r.birth_day);
  add(o, "importer", r.importer);
  if (r.recorded_at != instant{}) o["recorded_at"] = to_string_budapest(r.recorded_at);
  if (r.import_entry) o["import_entry"] = r.import_entry.value;
  add(o, "withdrawn_at", r.withdrawn_at);
  add(o, "withdrawn_method", r.withdrawn_method);
  add(o, "unticked_at", r.unticked_at);
  add(o, "objected_at", r.objected_at);
  if (r.first_delivery) {
    o["first_delivery"] = to_string_budapest(r.first_delivery->at);
    o["first_delivery_recipient"] = to_string(r.first_delivery->recipient);
  }
  if (r.last_delivery) o["last_delivery"] = to_string_budapest(r.last_delivery->at);
  if (r.declared_delivery_day) o["declared_delivery_day"] = to_string(*r.declared_delivery_day);
  return o;
}

boost::json::object to_json(const reputation::suppression& s, bool to_staff) {
  if (!to_staff && s.reason == reputation::suppression_reason::complaint)
    return to_json(veiled(s), true);
  boost::json::object o{{"code", reputation::to_string(s.reason)}, {"at", to_string_utc(s.at)}};
  if (s.expires_at) o["expires_at"] = to_string_utc(*s.expires_at);
  add(o, "source", s.source);
  add(o, "campaign", s.campaign);
  if (s.message) o["message"] = to_string(s.message);
  if (s.recipient) o["recipient"] = to_string(s.recipient);
  return o;
}

boost::json::array history_json(const store_rooms& rooms, const read_txn& txn, tenant_id tenant,
                                std::string_view person, bool to_staff) {
  boost::json::array out;
  for (const auto& e : policy::consent::history_of(txn, rooms.journal, rooms.consents, tenant,
                                                   person, history_shown_max))
    if (auto shown = entry_json(e, to_staff)) out.push_back(std::move(*shown));
  return out;
}

}  // namespace consentry::app::admin
