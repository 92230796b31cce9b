#include "app/store_rooms.h"

#include "app/key_store.h"

namespace consentry::app {
namespace {

store_env::options env_options(const store_options& o) {
  store_env::options out;
  out.folder = o.folder;
  out.map_size = o.map_size;
  return out;
}

queue::spool_settings spool_options(const store_options& o) {
  queue::spool_settings out;
  out.folder = o.folder / "spool";
  return out;
}

commit_loop::options commit_options(const store_options& o) {
  commit_loop::options out;
  out.reserve_bytes = o.reserve_bytes;
  return out;
}

std::uint32_t first_segment(const store_env& env, const queue::queue_store& queue) {
  auto txn = env.begin_read();
  return queue.last_segment(txn) + 1;
}

}  // namespace

store_rooms::store_rooms(const store_options& o, std::function<void(const failure&)> on_broken)
    : env{env_options(o)},
      platform_key{load_or_create_key(o.folder / "keys", "platform.key")},
      journal{env},
      ids{env},
      tenants{env, journal},
      users{env, journal},
      exemptions{env, journal},
      consents{env, journal},
      evidence{env},
      renewals{env, consents, journal},
      sign_ups{env, journal},
      tally{env, o.complaint_max_age_days},
      blocker{env, journal},
      suppressions{env, journal},
      campaigns{env, journal},
      told_levels{env},
      appeals{env, journal},
      queue{env, [this](write_txn& txn, std::uint64_t count) { return ids.take(txn, count); }},
      stops{env},
      verdicts{env},
      decisions{env},
      notice_marks{env},
      erasures{env},
      idempotency{env},
      fingerprints{env},
      imports{env},
      removals{env},
      past{env},
      policies{env},
      samples{env},
      preflights{env},
      webhooks{env},
      digests{env},
      probes{env},
      reports{env},
      sts_policies{env},
      tls_days{env},
      by_tenant{env},
      bodies{spool_options(o), first_segment(env, queue)},
      commits{env, commit_options(o), std::move(on_broken)} {
  commits.add_presync([this] { return bodies.presync(); });
  if (auto loaded = reload_directory(); !loaded)
    throw configuration_error(describe(loaded.error()));
  if (auto seen = env.read([&](read_txn& txn) { imports.refresh_suspects(txn); }); !seen)
    throw configuration_error(describe(seen.error()));
}

store_rooms::~store_rooms() = default;

result<void> store_rooms::reload_directory() {
  auto loaded = env.read([&](read_txn& txn) { return tenants.load(txn); });
  if (!loaded) return loaded.error();
  directory.set(std::move(*loaded));
  return {};
}

}  // namespace consentry::app
