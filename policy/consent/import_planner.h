// Judges one row of a file (RULES A2 5.1 to 5.4, A3, A4, D2, D3). Pure but for the lookups.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/consent/import.h"
#include "policy/consent/import_rows.h"
#include "policy/consent/import_run.h"

namespace consentry::policy::consent {

struct row_refusal {
  std::string reason;  // "import.too_old": stable
  std::string text;    // what is wrong and what to do
};

// One thread's. What rows share is judged once and remembered, as long as the run lasts.
class row_planner {
 public:
  row_planner(const import_request& request, const import_lookup& lookup,
              const import_limits& limits, run_writer& run);

  // nullopt: out is a row to store. Its views live until the next call, and as long as raw.
  std::optional<row_refusal> plan(const raw_row& raw, planned_row& out);
  // Of the last row; empty: it had no readable address.
  std::string_view address() const noexcept { return address_; }
  // The last row, which was refused; its person is empty where it had no readable address.
  consent_refusal refusal(const raw_row& raw, const planned_row& out, const row_refusal& no) const;
  // More is remembered than is good; the run should be written.
  bool is_crowded() const noexcept { return shared_.size() > 50'000; }
  // After the run was written: what was remembered stood in it.
  void begin_run();

 private:
  using answer = std::optional<row_refusal>;
  // What is known of the shared fields of a row.
  struct shared_facts {
    shared_fields fields;
    std::string stored_name_hash;         // last 8 bytes of the stored key
    answer early;                         // looked at before the row's own evidence
    answer late;                          // and behind it
    std::optional<std::uint32_t> in_run;  // once a row of the run has them
  };
  shared_facts& shared_of(const raw_row& raw);
  shared_facts judge_shared(const raw_row& raw) const;
  answer read_who(const raw_row& raw, planned_row& out);
  answer read_evidence(const raw_row& raw, const shared_facts& shared, planned_row& out) const;
  answer read_times(const raw_row& raw, planned_row& out) const;
  answer prove_life(const raw_row& raw, const planned_row& row) const;
  bool is_future(instant t) const;
  void keep_withdrawal_only(const raw_row& raw, planned_row& out) const;
  void salt(planned_row& out);

  const import_request& request_;
  const import_lookup& lookup_;
  const import_limits& limits_;
  run_writer& run_;
  civil_date import_day_;
  civil_date oldest_day_;  // of the last sign of life
  std::string address_;
  std::vector<shared_facts> shared_;
  std::unordered_map<std::string, std::size_t> known_shared_;
  std::string shared_key_, last_shared_key_;
  std::size_t last_shared_ = 0;
  std::vector<char> salts_;
  std::size_t salts_used_ = 0;
};

}  // namespace consentry::policy::consent
