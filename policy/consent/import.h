// Consents from a tenant's own files: CSV (RFC 4180, UTF-8, with a header line) or NDJSON (one
// object a line).
//
// Columns (any order, names without regard to case; a mapping renames others):
//   email topic given_at method provenance        required: a file without one of them is rejected
//   notice_hash or evidence                       whole (RULES 5.4), and no default can be given
//   sender confirmed_at notice_version notice_language notice_url form_id tick ip user_agent name
//   doi_sent_at confirmed_ip confirmed_user_agent of a double opt-in: when its mail went out, and
//                                                 where the confirmation came from
//   box_came_ticked                               yes or no
//   purchase_id purchase_day birth_day expires_on days are YYYY-MM-DD
//   last_delivery_at last_click_at                proof of life (RULES 5.4)
//   withdrawn_at withdrawn_method                 a row with it is always taken as a withdrawal, at
//                                                 least; without topic, of all topics
// Other columns are passed over and named in the plan, but for those whose name speaks of
// withdrawals: then the file is rejected.
//
//   file -> pieces of whole records -> threads: parse, judge, pseudonym -> sorted runs on disk
//        -> merged by stored key -> slices, each one commit and one journal entry
//
// Memory does not grow with the file. A run holds personal data: whoever owns the folder removes
// it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/commit_loop.h"
#include "base/result.h"
#include "policy/consent/consent_ledger.h"
#include "policy/consent/import_signs.h"

namespace consentry::policy::consent {

enum class import_format : std::uint8_t { csv = 1, ndjson = 2 };  // stored
std::optional<import_format> parse_import_format(std::string_view name) noexcept;
std::string_view to_string(import_format f) noexcept;

struct import_request {
  tenant_id tenant;
  std::string default_sender;  // the tenant's own sender identity, where a row names none
  std::string importer;        // the signed-in person
  std::string source;          // file name, for messages and the journal
  import_format format = import_format::csv;
  std::string mapping;  // "E-mail cím=email;Feliratkozás=given_at"; the file's names on the left
  char delimiter = 0;   // of CSV; 0: as the header line shows
  instant now{};
};

// What the planner must ask others. Called many times, from several threads at once.
struct import_lookup {
  // 16 bytes
  std::function<void(std::string_view address_key, std::span<char, 16> out)> pseudonym;
  // RULES 5.4 [I]: the six-month rule is not applied to addresses already stored.
  std::function<bool(std::string_view person)> is_stored;
  // What is compared across tenants; empty where nothing is.
  std::function<std::uint64_t(std::string_view address_key)> platform_hash;
  const known_lists* lists = nullptr;  // of role names and throw-away domains
};

struct import_row {
  std::uint64_t line = 0;
  std::string stored_key;
  consent_key key;
  consent_record record;
  person_record person;

  bool is_withdrawal_only() const noexcept { return !record.given_at && record.withdrawn_at; }
};

struct import_limits {
  std::uint64_t rows_max = 200'000'000;
  std::size_t row_bytes_max = 64u << 10;
  std::size_t field_bytes_max = 4096;
  std::size_t piece_bytes = 1u << 20;  // of the file, for one thread at a time
  std::size_t run_bytes = 48u << 20;   // of each thread, in memory before it goes to disk
  unsigned threads = 2;
};

// What a plan may tell and be told while it runs; called from one thread at a time.
struct import_watch {
  std::function<void(std::uint64_t rows, std::uint64_t bytes)> progress;
  std::function<bool()> is_cancelled;
  // Called from any of the threads, often, after some work on the disk: may wait, for others' sake.
  std::function<void()> give_way;
};

struct import_plan {
  std::vector<std::filesystem::path> runs;  // sorted by stored key, then line
  std::uint64_t rows_read = 0;              // without the header line and empty lines
  std::uint64_t taken = 0;
  std::uint64_t withdrawals = 0;  // among those taken
  std::map<std::string, std::uint64_t> refused_by_reason;
  std::vector<std::string> ignored_columns;
  import_signs signs;
  std::vector<std::filesystem::path> samples;  // sorted platform hashes (import_signs.h)
  // Of rows whose person is known, the first in the file; at most refusals_noted_a_day.
  std::vector<consent_refusal> refusals;
  std::uint64_t refused_count() const noexcept { return rows_read - taken; }
};

// Reads the file, writes runs and "rejects.csv" (line, reason, text, row) into folder, syncs them.
// The store is asked, never changed. failure invalid: the file is rejected whole, public_text says
// why ("no column given_at"); cancelled: is_cancelled said so.
result<import_plan> plan_import(const std::filesystem::path& file,
                                const std::filesystem::path& folder, const import_request& request,
                                const import_lookup& lookup, const import_limits& limits = {},
                                const import_watch& watch = {});
inline constexpr const char* rejects_file = "rejects.csv";

struct import_summary {
  std::uint64_t added = 0;
  std::uint64_t renewed = 0;
  std::uint64_t kept = 0;             // an equal or newer consent was stored already
  std::uint64_t still_withdrawn = 0;  // a later withdrawal stands against the row
  std::uint64_t withdrawals = 0;      // rows that are withdrawals

  import_summary& operator+=(const import_summary& more) noexcept;
  friend bool operator==(const import_summary&, const import_summary&) = default;
};

// How far an import has come: the same rows in the same order, whenever it is asked.
struct import_position {
  std::uint64_t rows = 0;
  import_summary sum;
};

struct apply_options {
  import_position from;                        // where an earlier run of it stopped
  std::size_t slice_rows = 0;                  // 0: as many as take slice_time
  std::chrono::microseconds slice_time{1000};  // of the writer's processor, for one slice
  // While others wait for the writer too, slices are shorter, and it is theirs in between.
  std::function<bool()> has_company;
  std::chrono::microseconds slice_time_in_company{500};
  // Run in each slice's transaction with the position behind it, so that both are durable together.
  std::function<void(write_txn&, const import_position&)> note;
  std::function<bool()> is_cancelled;        // asked between slices
  std::function<instant()> now;              // for the journal; else request.now
  std::map<std::string, std::string> facts;  // for each slice's journal entry
};

// Hands an operation to the writer; the future is set when it is durable or has failed.
using submit_slice = std::function<std::future<result<void>>(commit_loop::operation)>;
submit_slice submit_to(commit_loop& commits);

// Applies the runs in slices of neighbouring keys, each with one consent_imported entry; prepares
// one while the one before it is written. On a failure the slices before it stay; going on from the
// position last noted, or from the start, is harmless. cancelled: is_cancelled said so.
result<import_position> apply_import(const std::vector<std::filesystem::path>& runs,
                                     const import_request& request, const consent_ledger& ledger,
                                     const submit_slice& submit, const apply_options& options = {});

}  // namespace consentry::policy::consent
