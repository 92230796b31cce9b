// Every room that keeps facts, over the one store, in the order in which they need each other.
#pragma once

#include <functional>
#include <string>

#include "app/appeal_store.h"
#include "app/campaign_register.h"
#include "app/decision_store.h"
#include "app/desk_sample_store.h"
#include "app/erasure_store.h"
#include "app/fingerprint_counts.h"
#include "app/idempotency_store.h"
#include "app/import_store.h"
#include "app/mail_digest.h"
#include "app/notice_marks.h"
#include "app/past_history.h"
#include "app/policy_store.h"
#include "app/preflight_store.h"
#include "app/probe_log.h"
#include "app/removal_orders.h"
#include "app/report_store.h"
#include "app/standing_review.h"
#include "app/tenant_rows.h"
#include "app/traffic_counts.h"
#include "app/verdict_store.h"
#include "app/webhook_store.h"
#include "base/commit_loop.h"
#include "base/lmdb_env.h"
#include "base/snapshot.h"
#include "journal/event_journal.h"
#include "journal/id_sequence.h"
#include "policy/consent/consent_ledger.h"
#include "policy/consent/evidence_store.h"
#include "policy/consent/renewal_buffer.h"
#include "policy/consent/sign_up_store.h"
#include "policy/tenants/exemption_store.h"
#include "policy/tenants/tenant_directory.h"
#include "policy/tenants/tenant_registry.h"
#include "policy/tenants/user_registry.h"
#include "queue/queue_store.h"
#include "queue/spool.h"
#include "queue/suspensions.h"
#include "reputation/blocker.h"
#include "reputation/suppression_list.h"
#include "reputation/tally.h"
#include "smtp/security/mta_sts_store.h"
#include "smtp/security/tls_report_store.h"

namespace consentry::app {

struct store_options {
  std::filesystem::path folder;
  std::uint64_t map_size = 64ULL << 30;
  std::uint64_t reserve_bytes = 64 << 20;
  int complaint_max_age_days = 90;
};

struct store_rooms {
  // Throws configuration_error. on_broken: see commit_loop.
  store_rooms(const store_options& o, std::function<void(const failure&)> on_broken);
  ~store_rooms();

  // After a change of tenants, credentials or domains is committed. Any thread.
  result<void> reload_directory();

  store_env env;
  std::string platform_key;  // 32 bytes, secret: for what is compared across tenants
  journal::event_journal journal;
  journal::id_sequence ids;
  policy::tenants::tenant_registry tenants;
  policy::tenants::user_registry users;
  policy::tenants::exemption_store exemptions;
  policy::consent::consent_ledger consents;
  policy::consent::evidence_store evidence;
  policy::consent::renewal_buffer renewals;
  policy::consent::sign_up_store sign_ups;
  reputation::tally tally;
  reputation::blocker blocker;
  reputation::suppression_list suppressions;
  campaign_register campaigns;
  app::told_levels told_levels;
  appeal_store appeals;
  queue::queue_store queue;
  queue::suspensions stops;
  verdict_store verdicts;
  decision_store decisions;
  app::notice_marks notice_marks;
  erasure_store erasures;
  idempotency_store idempotency;
  fingerprint_counts fingerprints;
  import_store imports;
  removal_orders removals;
  past_history past;
  policy_store policies;
  desk_sample_store samples;
  preflight_store preflights;
  webhook_store webhooks;
  digest_store digests;
  probe_log probes;
  report_store reports;
  smtp::security::mta_sts_store sts_policies;
  smtp::security::tls_report_store tls_days;
  tenant_rows by_tenant;
  traffic_counts counts;  // in memory, for metrics
  queue::spool bodies;
  snapshot<policy::tenants::tenant_directory> directory;
  // Last, so that it stops first: nothing writes once a room is gone.
  commit_loop commits;
};

}  // namespace consentry::app
