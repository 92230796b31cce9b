#include "app/complaint_veil.h"

#include "base/civil_date.h"

namespace consentry::app {
namespace {

using journal::event_kind;

bool is_of_complaint(const journal::event& e) {
  const auto name = to_string(reputation::suppression_reason::complaint);
  if (e.kind == event_kind::suppressed) return e.reason == name;
  const auto was = e.facts.find("was");
  return e.kind == event_kind::unsuppressed && was != e.facts.end() && was->second == name;
}

}  // namespace

instant only_the_day(instant at) {
  return budapest_midnight(budapest_day(at));
}

std::optional<journal::event> veiled(journal::event e) {
  if (e.kind == event_kind::complained) return std::nullopt;
  // A level that one complaint reached says when that one came.
  if (e.kind == event_kind::warned && (e.rule == "A5" || e.rule == "C6")) {
    if (e.rule == "C6") return std::nullopt;
    e.at = only_the_day(e.at);
    return e;
  }
  if (!is_of_complaint(e)) return e;
  if (e.kind == event_kind::suppressed) e.at = only_the_day(e.at);
  e.message = {};
  e.recipient = {};
  e.stream = {};
  e.campaign.clear();
  e.topic.clear();
  e.commitment.clear();
  e.facts.erase("source");
  return e;
}

reputation::suppression veiled(reputation::suppression s) {
  if (s.reason != reputation::suppression_reason::complaint) return s;
  return {.reason = s.reason, .at = only_the_day(s.at), .expires_at = s.expires_at};
}

policy::consent::consent_record veiled(policy::consent::consent_record r) {
  if (r.objected_at) r.objected_at = only_the_day(*r.objected_at);
  return r;
}

}  // namespace consentry::app
