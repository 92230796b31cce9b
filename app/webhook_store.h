// Where tenants want to be told of their outcomes, how far each was told, and what could not be
// told. An endpoint is a cursor into the journal: nothing is copied, so nothing can be lost but
// with the journal itself.
//
//   table webhooks       be32 tenant, be32 number -> endpoint
//   table webhook_dead   be32 tenant, be32 number, be64 first -> dead letter: a range of the
//   journal
//
// Secrets lie sealed (base/sealed_text.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/lmdb_env.h"
#include "journal/event_journal.h"

namespace consentry::app {

inline constexpr std::size_t webhooks_of_tenant_max = 5;
inline constexpr std::size_t dead_letters_max = 1000;  // of an endpoint; then it is paused
inline constexpr std::size_t webhook_url_bytes_max = 1000;

struct webhook_id {
  tenant_id tenant;
  std::uint32_t number = 0;  // from 1; never given twice within a tenant's endpoints that are there
  friend auto operator<=>(const webhook_id&, const webhook_id&) = default;
};
std::string webhook_name(std::uint32_t number);  // "w3"
std::optional<std::uint32_t> parse_webhook_name(std::string_view name);

struct webhook {
  std::uint32_t number = 0;
  std::string url;
  std::vector<std::string> only;  // outcomes by name; empty: all
  std::string secret;             // sealed
  std::string old_secret;         // sealed; signs too until old_secret_until
  instant old_secret_until{};
  bool is_paused = false;
  std::string paused_because;
  journal_seq cursor;          // all up to this one was told, or lies in a dead letter
  std::uint32_t attempts = 0;  // at the batch behind the cursor
  journal_seq batch_through;   // where that one ends, once it was tried; 0: it was not
  std::uint32_t failures = 0;  // in a row, of all batches
  instant next_at{};           // not before
  std::uint64_t told = 0;      // outcomes
  std::optional<instant> told_at;
  std::string last_error;  // of the last attempt; empty: it went well
  std::uint32_t last_status = 0;
  instant created_at{};
  std::string created_by;

  void pass(journal_seq through) noexcept {
    cursor = through;
    batch_through = {};
    attempts = 0;
  }
};

struct dead_letter {
  journal_seq first, through;  // both within
  std::uint64_t outcomes = 0;
  instant at{};
  std::string why;
  bool is_wanted = false;  // to be sent again
};

// Table handles only. Any thread may read, the writer's may change.
class webhook_store {
 public:
  explicit webhook_store(store_env& env);  // at start

  std::vector<webhook> of_tenant(const read_txn& txn, tenant_id tenant) const;
  std::vector<std::pair<tenant_id, webhook>> all(const read_txn& txn) const;
  std::optional<webhook> find(const read_txn& txn, const webhook_id& id) const;

  // Gives it a number. limit: the tenant has webhooks_of_tenant_max.
  result<webhook> add(write_txn& txn, tenant_id tenant, webhook w) const;
  void put(write_txn& txn, const webhook_id& id, const webhook& w) const;
  bool remove(write_txn& txn, const webhook_id& id) const;  // with its dead letters

  // Oldest first.
  std::vector<dead_letter> dead(const read_txn& txn, const webhook_id& id) const;
  std::optional<dead_letter> next_wanted(const read_txn& txn, const webhook_id& id) const;
  // A range that follows on the last one's end is put to it.
  void bury(write_txn& txn, const webhook_id& id, dead_letter d) const;
  void put(write_txn& txn, const webhook_id& id, const dead_letter& d) const;
  void erase(write_txn& txn, const webhook_id& id, journal_seq first) const;

 private:
  table webhooks_;
  table dead_;
};

}  // namespace consentry::app
