// Rows that may speak of a complaint: what the tenant reads, and what is sealed for the way back.
#include <boost/json.hpp>

#include "app/complaint_veil.h"
#include "app/export_fields.h"
#include "app/export_rows.h"
#include "base/sealed_text.h"
#include "base/text.h"
#include "journal/event_json.h"

namespace consentry::app {
namespace {

using reputation::suppression;
using reputation::suppression_reason;

constexpr std::size_t person_bytes = 16;

// Bound to the person: it cannot be moved to another's row.
std::string purpose_of_complaint(std::string_view person) {
  return std::string{"complaint"} + '\0' + std::string{person};
}

// What the day alone does not tell.
std::string sealed_complaint(const suppression& s, std::string_view person, std::string_view key) {
  if (s.reason != suppression_reason::complaint) return {};
  const auto whole =
      field_writer{}.text("source", s.source).time("at", s.at).text("campaign", s.campaign).take();
  return base64(seal(key, purpose_of_complaint(person), boost::json::serialize(whole)));
}

void open_complaint(suppression& s, const std::string& text, std::string_view person,
                    std::string_view key) {
  const auto bytes = parse_base64(text);
  const auto whole = bytes ? unseal(key, purpose_of_complaint(person), *bytes) : std::nullopt;
  if (!whole)
    throw configuration_error("sealed_complaint: was sealed by another gateway's export.key");
  const auto o = boost::json::parse(*whole).as_object();
  field_reader in{o};
  s.source = in.text("source");
  s.at = in.time("at");
  s.campaign = in.text("campaign");
  in.finish();
}

}  // namespace

row suppression_row(const reputation::suppression_list::listed& l, std::string_view export_key) {
  const auto seen = veiled(l.what);
  return field_writer{}
      .hex("person", l.person)
      .text("reason", to_string(seen.reason))
      .text("source", seen.source)
      .time("at", seen.at)
      .time("expires_at", seen.expires_at)
      .text("campaign", seen.campaign)
      .text("sealed_complaint", sealed_complaint(l.what, l.person, export_key))
      .take();
}

reputation::suppression_list::listed read_suppression(const row& r, std::string_view export_key) {
  field_reader in{r};
  reputation::suppression_list::listed l;
  l.person = in.hex("person", person_bytes);
  const auto reason = reputation::parse_suppression_reason(in.required_text("reason"));
  if (!reason) throw configuration_error("reason: unknown value");
  l.what.reason = *reason;
  l.what.source = in.text("source");
  l.what.at = in.time("at");
  l.what.expires_at = in.maybe_time("expires_at");
  l.what.campaign = in.text("campaign");
  const auto sealed = in.text("sealed_complaint");
  in.finish();
  if (l.person.empty()) throw configuration_error("person: is missing");
  if (!sealed.empty()) open_complaint(l.what, sealed, l.person, export_key);
  return l;
}

row history_row(const journal::event& e, std::string_view export_key) {
  const auto seen = veiled(e);
  row out;
  if (seen)
    out = journal::to_json(*seen);
  else
    out["kind"] = to_string(e.kind);
  out.erase("tenant");
  if (seen && *seen == e) return out;
  auto whole = journal::to_json(e);
  whole.erase("tenant");
  out["sealed_entry"] = base64(seal(export_key, "history entry", boost::json::serialize(whole)));
  return out;
}

}  // namespace consentry::app
