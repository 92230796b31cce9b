// What a tenant objects to (RULES A2 clauses 3 and 13): grievances are negotiated, within 30 days.
// The clock starts with the record; each change appends its journal entry (desk_act, what =
// appeal.opened, appeal.closed) in the same transaction.
//
//   table appeals   be32 tenant, be32 number -> appeal
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/civil_date.h"
#include "base/ids.h"
#include "base/lmdb_env.h"
#include "base/result.h"
#include "journal/event_journal.h"

namespace consentry::app {

inline constexpr int appeal_days = 30;

// Numbers are stored: never reuse or renumber.
enum class appeal_about : std::uint8_t {
  block = 1,
  hold = 2,
  suspension = 3,
  refusal = 4,
  other = 5
};
std::string_view name_of(appeal_about a) noexcept;
std::optional<appeal_about> parse_appeal_about(std::string_view name) noexcept;

enum class appeal_outcome : std::uint8_t {
  open = 0,
  granted = 1,    // the restriction was lifted for it
  rejected = 2,   // it stands
  settled = 3,    // both sides agreed on something
  withdrawn = 4,  // by the tenant
};
std::string_view name_of(appeal_outcome o) noexcept;
std::optional<appeal_outcome> parse_appeal_outcome(std::string_view name) noexcept;  // not `open`

struct appeal {
  tenant_id tenant;
  std::uint32_t number = 0;  // from 1 up, of its tenant
  appeal_about about = appeal_about::other;
  std::string campaign;  // of a hold; may be empty
  std::string text;      // the tenant's words
  std::string opened_by;
  instant opened_at{};
  civil_date due{};  // the last day, in Budapest
  appeal_outcome outcome = appeal_outcome::open;
  std::string answer;  // the person's words
  std::string closed_by;
  instant closed_at{};
  bool is_overdue_told = false;

  bool is_open() const noexcept { return outcome == appeal_outcome::open; }
  // Negative: so many days too late.
  int days_left(instant now) const;
  bool is_overdue(instant now) const { return is_open() && days_left(now) < 0; }
};

// "a3" and back. nullopt: none such.
std::string appeal_id(std::uint32_t number);
std::optional<std::uint32_t> parse_appeal_id(std::string_view id) noexcept;

// Table handles only. Any thread may read, the writer's may change; re-runnable.
class appeal_store {
 public:
  static constexpr std::size_t text_bytes_max = 10'000;
  static constexpr std::size_t open_max = 100;  // of one tenant

  appeal_store(store_env& env, const journal::event_journal& history);  // at start

  // Takes tenant, about, campaign, text, opened_by, opened_at. invalid: no text, no name; limit:
  // too many are open.
  result<appeal> open(write_txn& txn, appeal wanted) const;
  // not_found; conflict: closed already; invalid: no answer.
  result<appeal> close(write_txn& txn, tenant_id tenant, std::uint32_t number,
                       appeal_outcome outcome, std::string_view answer, std::string_view person,
                       instant at) const;

  std::optional<appeal> find(const read_txn& txn, tenant_id tenant, std::uint32_t number) const;
  // By number, behind `after`, at most `limit`.
  std::vector<appeal> list(const read_txn& txn, tenant_id tenant, std::uint32_t after,
                           std::size_t limit) const;
  std::size_t count_open(const read_txn& txn, tenant_id tenant) const;
  // Of all tenants, the one that is due first first.
  std::vector<appeal> all_open(const read_txn& txn, std::size_t limit) const;

  // Marks the open ones whose time is over and journals each once (kind warned, watch appeal).
  std::vector<appeal> tell_overdue(write_txn& txn, instant now) const;

 private:
  void put(write_txn& txn, const appeal& a) const;

  const journal::event_journal* journal_;
  table appeals_;
};

}  // namespace consentry::app
