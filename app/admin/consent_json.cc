#include "app/admin/consent_json.h"

#include <boost/json.hpp>

#include "base/text.h"
#include "policy/policy_set.h"

namespace consentry::app::admin {
namespace {

void add(boost::json::object& o, const char* name, const std::string& value) {
  if (!value.empty()) o[name] = to_valid_utf8(value);
}

void add(boost::json::object& o, const char* name, const std::optional<instant>& value) {
  if (value) o[name] = to_string_budapest(*value);
}

}  // namespace

boost::json::object to_json(const policy::consent::consent_record& r) {
  boost::json::object o;
  add(o, "topic", r.topic);
  add(o, "sender", r.sender);
  add(o, "given_at", r.given_at);
  add(o, "confirmed_at", r.confirmed_at);
  if (r.given_at) {
    const auto day = budapest_day(*r.given_at);
    o["consent_day"] = to_string(day);
    o["last_day"] = to_string(add_months(day, policy::rule_knobs::consent_months));
  }
  add(o, "method", r.method);
  add(o, "provenance", r.provenance);
  add(o, "notice_version", r.notice.version);
  add(o, "notice_hash", r.notice.hash);
  add(o, "notice_url", r.notice.url);
  add(o, "evidence", r.evidence_reference);
  add(o, "form_id", r.form_id);
  if (r.tick != policy::consent::tick_state::none) o["tick"] = policy::consent::to_string(r.tick);
  add(o, "ip", r.ip);
  if (r.purchase_day) o["purchase_day"] = to_string(*r.purchase_day);
  add(o, "importer", r.importer);
  add(o, "withdrawn_at", r.withdrawn_at);
  add(o, "withdrawn_method", r.withdrawn_method);
  add(o, "objected_at", r.objected_at);
  if (r.first_delivery) {
    o["first_delivery"] = to_string_budapest(r.first_delivery->at);
    o["first_delivery_recipient"] = to_string(r.first_delivery->recipient);
  }
  if (r.last_delivery) o["last_delivery"] = to_string_budapest(r.last_delivery->at);
  return o;
}

boost::json::object to_json(const reputation::suppression& s, bool to_staff) {
  boost::json::object o{{"code", reputation::to_string(s.reason)}, {"at", to_string_utc(s.at)}};
  if (s.expires_at) o["expires_at"] = to_string_utc(*s.expires_at);
  if (!to_staff && s.reason == reputation::suppression_reason::complaint) return o;
  add(o, "source", s.source);
  add(o, "campaign", s.campaign);
  if (s.message) o["message"] = to_string(s.message);
  if (s.recipient) o["recipient"] = to_string(s.recipient);
  return o;
}

}  // namespace consentry::app::admin
