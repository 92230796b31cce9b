// A queue in a folder of its own.
#pragma once

#include "base/clock.h"
#include "base/commit_loop.h"
#include "base/lmdb_env.h"
#include "queue/queue_store.h"
#include "queue/spool.h"
#include "tests/support/temp_folder.h"

namespace consentry::queue::tests {

inline constexpr instant noon = from_ms(1'790'000'000'000);  // 2026-09-21T14:13:20Z

// Opened on a folder that may hold the files of another one.
struct store_on {
  explicit store_on(const std::filesystem::path& folder, disk_calls calls = disk_calls::real(),
                    std::uint64_t segment_bytes = 64 << 20)
      : env{{.folder = folder / "store", .map_size = 1ULL << 30}},
        ids{env.open_table("ids")},
        store{env, [this](write_txn& txn, std::uint64_t count) { return take(txn, count); }},
        bodies{{.folder = folder / "spool", .segment_bytes_max = segment_bytes},
               next_segment(),
               std::move(calls)},
        commits{env, {.reserve_bytes = 0}, [this](const failure& f) { broken = f; }} {
    commits.add_presync([this]() -> result<void> {
      const failure_kind says = presync_says;
      if (says != failure_kind::cancelled) return failure{.kind = says, .public_text = "told so"};
      return bodies.presync();
    });
  }

  std::uint64_t take(write_txn& txn, std::uint64_t count) {
    const auto stored = txn.get(ids, "next");
    const std::uint64_t first = stored ? std::stoull(std::string{*stored}) : 1;
    txn.put(ids, "next", std::to_string(first + count));
    return first;
  }
  std::uint32_t next_segment() {
    return env.read([&](read_txn& txn) { return store.last_segment(txn) + 1; }).value();
  }

  message_id accept(const queued_message& m, std::vector<queued_recipient> recipients,
                    std::string_view body) {
    auto spooled = bodies.append(body).value();
    auto named = m;
    named.body_at = spooled.location;
    message_id id;
    commits.run([&](write_txn& txn) { id = store.accept(txn, named, recipients); }).value();
    return id;
  }
  queued_message message(message_id id) {
    return env.read([&](read_txn& txn) { return store.message(txn, id).value(); }).value();
  }
  queued_recipient recipient(std::uint64_t id) {
    return env.read([&](read_txn& txn) { return store.recipient(txn, recipient_id{id}).value(); })
        .value();
  }
  queue_counts counts() {
    return env.read([&](read_txn& txn) { return store.counts(txn); }).value();
  }
  std::vector<due_row> due(lane in, instant until, std::size_t limit = 1000) {
    return env
        .read([&](read_txn& txn) {
          std::vector<due_row> out;
          for (const auto& flow : store.flows(txn, in, {}, 1000))
            for (auto& row : store.due(txn, in, flow, {}, until, limit))
              if (out.size() < limit) out.push_back(std::move(row));
          return out;
        })
        .value();
  }

  std::optional<failure> broken;
  std::atomic<failure_kind> presync_says{failure_kind::cancelled};  // cancelled: nothing
  store_env env;
  table ids;
  queue_store store;
  spool bodies;
  commit_loop commits;
};

inline queued_message bulk_message(std::uint32_t tenant = 7) {
  queued_message m;
  m.tenant.value = tenant;
  m.stream = smtp::stream::bulk;
  m.campaign = "autumn";
  m.topic = "news";
  m.reverse_path = "news@shop.example";
  m.sender_domain = "shop.example";
  m.original_message_id = "<1@shop.example>";
  m.accepted_at = noon;
  m.expires_at = noon + std::chrono::hours{72};
  m.policy_version = "p1";
  return m;
}

inline queued_recipient to(const std::string& local, const std::string& domain,
                           instant due = noon) {
  queued_recipient r;
  r.address = local + "@" + domain;
  r.domain = domain;
  r.person = std::string(16, local[0]);
  r.next_attempt_at = due;
  r.changed_at = due;
  return r;
}

}  // namespace consentry::queue::tests
