// Consents from a tenant's own files: CSV (RFC 4180, UTF-8, with a header line) or NDJSON (one
// object a line).
//
// Columns (any order, names without regard to case):
//   email topic given_at method provenance        required: a file without one of them is rejected
//   notice_hash or evidence                       whole (RULES 5.4), and no default can be given
//   sender confirmed_at notice_version notice_language notice_url form_id tick ip user_agent name
//   purchase_day                                  YYYY-MM-DD
//   last_delivery_at last_click_at                proof of life (RULES 5.4)
//   withdrawn_at withdrawn_method                 a row with it is always taken as a withdrawal, at
//                                                 least; without topic, of all topics
// Other columns are passed over and named in the plan, but for those whose name speaks of
// withdrawals: then the file is rejected.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/commit_loop.h"
#include "base/result.h"
#include "policy/consent/consent_ledger.h"

namespace consentry::policy::consent {

enum class import_format : std::uint8_t { csv, ndjson };
std::optional<import_format> parse_import_format(std::string_view name) noexcept;

struct import_request {
  tenant_id tenant;
  std::string default_sender;  // the tenant's own sender identity, where a row names none
  std::string importer;        // the signed-in person
  std::string source;          // file name, for messages and the journal
  import_format format = import_format::csv;
  instant now{};
};

// What the planner must ask others. Called many times, on the planner's thread.
struct import_lookup {
  std::function<std::string(const std::string& address_key)> pseudonym;  // 16 bytes
  // RULES 5.4 [I]: the six-month rule is not applied to addresses already stored.
  std::function<bool(const std::string& person)> is_stored;
};

struct import_row {
  std::uint64_t line = 0;
  consent_key key;
  consent_record record;
  person_record person;
};

struct refused_row {
  std::uint64_t line = 0;  // the first line of the row, from 1
  std::string reason;      // "import.too_old": stable
  std::string text;        // what is wrong and what to do
};

struct import_plan {
  std::vector<import_row> rows;   // sorted by stored key
  std::uint64_t rows_read = 0;    // without the header line and empty lines
  std::uint64_t withdrawals = 0;  // among rows
  std::map<std::string, std::uint64_t> refused_by_reason;
  std::vector<refused_row> refused;  // the first refused_listed_max
  std::vector<std::string> ignored_columns;
  std::uint64_t refused_count() const noexcept { return rows_read - rows.size(); }
};

struct import_limits {
  std::size_t rows_max = 1'000'000;
  std::size_t row_bytes_max = 64u << 10;
  std::size_t field_bytes_max = 4096;
  std::size_t refused_listed_max = 1000;
};

// Pure but for the lookups. failure invalid: the file is rejected whole, public_text says why ("no
// column given_at").
result<import_plan> plan_import(std::string_view file, const import_request& request,
                                const import_lookup& lookup, const import_limits& limits = {});

struct import_summary {
  std::uint64_t added = 0;
  std::uint64_t renewed = 0;
  std::uint64_t kept = 0;             // an equal or newer consent was stored already
  std::uint64_t still_withdrawn = 0;  // a later withdrawal stands against the row
  std::uint64_t withdrawals = 0;      // rows that are withdrawals
};

// Commits one operation and waits: commit_loop::run, from a thread that may block.
using commit_slice = std::function<result<void>(commit_loop::operation)>;

// Applies the plan in slices of at most slice_rows neighbouring keys, each with one
// consent_imported entry. On a failure the slices before it stay; importing the same file again is
// harmless.
result<import_summary> apply_import(const import_plan& plan, const import_request& request,
                                    const consent_ledger& ledger, const commit_slice& commit,
                                    std::size_t slice_rows = 256);

}  // namespace consentry::policy::consent
