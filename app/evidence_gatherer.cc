#include "app/evidence_gatherer.h"

#include <algorithm>

namespace consentry::app {
namespace {

policy::suppression_cause cause_of(reputation::suppression_reason r) {
  using reputation::suppression_reason;
  switch (r) {
    case suppression_reason::complaint:
      return policy::suppression_cause::complaint;
    case suppression_reason::unsubscribe:
    case suppression_reason::withdrawn:
      return policy::suppression_cause::unsubscribe;
    case suppression_reason::hard_bounce:
      return policy::suppression_cause::bad_address;
    case suppression_reason::manual:
      return policy::suppression_cause::desk;
  }
  return policy::suppression_cause::desk;
}

// How much a cause stops (docs/decisions/suppression-by-stream.md).
int strictness(policy::suppression_cause c) {
  switch (c) {
    case policy::suppression_cause::unsubscribe:
      return 1;
    case policy::suppression_cause::complaint:
    case policy::suppression_cause::desk:
      return 2;
    case policy::suppression_cause::bad_address:
      return 3;
  }
  return 2;
}

// The stricter one of the tenant's list and the platform's, which holds whatever a newer consent
// says.
std::optional<policy::suppression_facts> suppression_of(const store_rooms& rooms,
                                                        const read_txn& txn, const question& q,
                                                        const std::string& person) {
  std::optional<policy::suppression_facts> out;
  const auto see = [&](const std::optional<reputation::suppression>& s) {
    if (!s) return;
    const policy::suppression_facts f{.cause = cause_of(s->reason), .since = s->at};
    if (!out || strictness(f.cause) > strictness(out->cause)) out = f;
  };
  see(rooms.suppressions.find(txn, q.tenant, person, q.now));
  if (!q.recipient_key.empty())
    see(rooms.suppressions.find(
        txn, {}, policy::tenants::platform_pseudonym(rooms.platform_key, q.recipient_key), q.now));
  return out;
}

// Only what they speak of can be exempt: most mail asks the store nothing.
bool is_suspicious(const filters::scan_result* scan) {
  return scan != nullptr && std::ranges::any_of(scan->scores, [](const auto& s) {
           return policy::tenants::is_exemptible(s.first);
         });
}

// A name below a sender domain is signed with that domain's keys, and has its policy.
std::optional<policy::preflight_facts> preflight_of(
    const store_rooms& rooms, const policy::tenants::tenant_directory& directory,
    const read_txn& txn, const question& q) {
  const auto* domain = directory.governing(q.sender_domain);
  if (domain == nullptr || domain->tenant != q.tenant) return std::nullopt;
  const auto known = rooms.preflights.find(txn, q.tenant, domain->domain);
  return known ? facts_of(*known) : std::nullopt;
}

policy::sender_domain_status status_of(const policy::tenants::tenant_directory& directory,
                                       tenant_id tenant, const std::string& domain) {
  if (domain.empty()) return policy::sender_domain_status::unknown;
  if (directory.owns(tenant, domain)) return policy::sender_domain_status::verified;
  const auto* claimed = directory.find_domain(domain);
  return claimed != nullptr && claimed->tenant == tenant ? policy::sender_domain_status::unverified
                                                         : policy::sender_domain_status::foreign;
}

}  // namespace

std::string sender_identity(const policy::tenants::tenant& t) {
  return t.legal_name;
}

policy::evidence gather(const store_rooms& rooms,
                        const policy::tenants::tenant_directory& directory, const read_txn& txn,
                        const question& q) {
  policy::evidence e;
  e.phase = q.phase;
  e.now = q.now;
  e.stream = q.stream;
  e.is_bulk_by_content = q.is_bulk_by_content;
  e.campaign = q.campaign;
  e.topic = q.topic;
  e.is_permission_request = q.is_permission_request;
  e.sender_domain = q.sender_domain;
  e.recipient = q.recipient_key;
  e.recipient_count = q.recipient_count;
  e.scan = q.scan;
  e.domain_status = status_of(directory, q.tenant, q.sender_domain);
  e.is_bulk_blocked = rooms.blocker.is_bulk_closed(q.tenant);
  const auto* tenant = directory.find(q.tenant);
  if (tenant == nullptr) {
    e.tenant_state = policy::tenants::tenant_state::terminated;
    return e;
  }
  e.tenant_name = tenant->name;
  e.tenant_state = tenant->state;
  e.sender_identity = sender_identity(*tenant);
  if (const auto campaign = rooms.campaigns.find(txn, q.tenant, q.campaign))
    e.campaign_hold = campaign->hold;
  if (q.phase == policy::phase::message && is_suspicious(q.scan))
    e.exemptions = rooms.exemptions.all(txn, q.tenant);
  const auto person =
      q.person.empty() ? policy::tenants::pseudonym(*tenant, q.recipient_key) : q.person;
  if (!q.topic.empty())
    e.consent = rooms.renewals.find(
        txn, {.tenant = q.tenant, .person = person, .sender = e.sender_identity, .topic = q.topic});
  if (q.stream == smtp::stream::doi && !q.topic.empty()) {
    const auto mark = rooms.sign_ups.mark_of(
        txn, {.tenant = q.tenant, .person = person, .sender = e.sender_identity, .topic = q.topic});
    if (const auto s = rooms.sign_ups.find(txn, mark.last))
      e.sign_up = policy::sign_up_facts{
          .at = *s->evidence.given_at,
          .is_mailed = mark.is_mailed(q.now) && (!q.message || mark.mail != q.message)};
    e.is_doi_template_approved = rooms.sign_ups.is_approved(txn, q.tenant, q.doi_template);
  }
  e.suppression = suppression_of(rooms, txn, q, person);
  if (q.stream == smtp::stream::bulk) e.preflight = preflight_of(rooms, directory, txn, q);
  if (const auto s = rooms.imports.suspect_of(q.tenant); s && q.stream == smtp::stream::bulk)
    e.suspect = policy::suspect_import{.import = to_string(s->id), .score = s->points};
  return e;
}

}  // namespace consentry::app
