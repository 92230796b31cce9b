#include "app/tenant_rows.h"

#include <array>

#include "base/bytes.h"

namespace consentry::app {
namespace {

constexpr std::array<std::string_view, 40> by_tenant{
    "consents",
    "persons",
    "suppressions",
    "complaints",
    "campaign_tallies",
    "day_tallies",
    "standings",
    "standing_changes",
    "fingerprints",
    "template_approvals",
    "queue_counts",
    "queue_open",
    "tenant_notices",
    "tenant_past",
    "campaigns",
    "campaign_sweeps",
    "consent_terms",
    "evidence",
    "evidence_blobs",
    "evidence_uses",
    "notices",
    "erasures",
    "idempotency",
    "journal_by_person",
    "consent_refusals",
    "desk_samples",
    "exemptions",
    "decision_text_marks",
    "domain_preflights",
    "owed_notices",
    "queue_campaign_counts",
    "queue_held_counts",
    "webhooks",
    "webhook_dead",
    "mail_digests",
    "reports",
    "provider_tallies",
    "told_levels",
    "unblock_proposals",
    "appeals",
};

constexpr std::array<tenant_table, 47> others{{
    {"tenants", "tenant_registry::remove_tenant"},
    {"tenant_names", "tenant_registry::remove_tenant"},
    {"credentials", "tenant_registry::remove_tenant"},
    {"sender_domains", "tenant_registry::remove_tenant"},
    {"contact_tokens", "tenant_registry::remove_tenant"},
    {"tenant_removals", "the order itself, erased with the last row"},
    {"queue_messages", "queue_store::remove"},
    {"queue_recipients", "queue_store::remove"},
    {"queue_due", "emptied when the mail is purged"},
    {"queue_parked", "a row left by a purge holds a number and a domain; the queue drops it"},
    {"queue_segments", "counts messages, not whose"},
    {"queue_domain_counts", "a domain and a number; emptied when the mail is purged"},
    {"queue_suspensions", "of the platform"},
    {"queue_sent_counts", "a number and how much it sent today; gone the day after"},
    {"verdicts", "with the queue's rows, and by the journal's refusals"},
    {"decisions", "decision_store::erase_tenant"},
    {"decision_texts", "decision_store::erase_tenant"},
    {"sent", "tally::forget"},
    {"journal", "stays: pseudonyms only, and their key is gone"},
    {"journal_by_message", "stays, as the journal"},
    {"meta", "counters"},
    {"imports", "import_store::remove_tenant"},
    {"imports_of_tenant", "import_store::remove_tenant"},
    {"import_samples", "import_store::remove_tenant"},
    {"sign_up_forms", "sign_up_store::erase_tenant"},
    {"sign_up_form_ids", "sign_up_store::erase_tenant"},
    {"sign_up_notices", "sign_up_store::erase_tenant"},
    {"sign_ups", "sign_up_store::erase_tenant"},
    {"sign_up_marks", "sign_up_store::erase_tenant"},
    {"doi_templates", "sign_up_store::erase_tenant"},
    {"users", "user_registry::remove_all"},
    {"api_tokens", "user_registry::remove_all"},
    {"user_tokens", "user_registry::remove_all"},
    {"console_logins", "user_registry::remove_all"},
    {"console_sessions", "user_registry::remove_all"},
    {"erasures_pending", "pseudonyms only; settled by the compaction that follows"},
    {"idempotency_by_time", "hashes of keys; trimmed within a day"},
    {"policy_files", "of the platform"},
    {"policy_versions", "of the platform"},
    {"policy_history", "of the platform"},
    {"sts_policies", "of the platform: policies of domains that mail goes to"},
    {"tls_days", "of the platform: counts by domain, gone when reported"},
    {"probe_days", "of the platform: minutes in which it answered"},
    {"report_numbers", "a number and a tenant's; gone with the next trim"},
    {"report_signatures", "digests; gone with the next trim"},
    {"report_days", "of the platform: counts by day"},
    {"restore", "how far a journal was replayed"},
}};

std::string prefix_of(tenant_id tenant) {
  return byte_writer{}.be32(tenant.value).take();
}

}  // namespace

std::span<const std::string_view> tables_by_tenant() noexcept {
  return by_tenant;
}

std::span<const tenant_table> other_tables() noexcept {
  return others;
}

tenant_rows::tenant_rows(store_env& env) {
  for (const auto name : by_tenant) tables_.push_back(env.open_table(std::string{name}));
}

std::size_t tenant_rows::sweep(write_txn& txn, tenant_id tenant, std::size_t rows) const {
  const auto prefix = prefix_of(tenant);
  std::size_t removed = 0;
  for (const auto t : tables_) {
    auto c = txn.scan(t);
    for (bool ok = c.seek(prefix); ok && c.key().starts_with(prefix); ok = c.next()) {
      if (removed == rows) return removed;
      c.erase();
      ++removed;
    }
  }
  return removed;
}

std::size_t tenant_rows::count(const read_txn& txn, tenant_id tenant) const {
  const auto prefix = prefix_of(tenant);
  std::size_t found = 0;
  for (const auto t : tables_) {
    auto c = txn.scan(t);
    for (bool ok = c.seek(prefix); ok && c.key().starts_with(prefix); ok = c.next()) ++found;
  }
  return found;
}

}  // namespace consentry::app
