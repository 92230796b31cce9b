// One import of consents as a job that outlives restarts, as a value.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "policy/consent/import.h"

namespace consentry {

using import_id = strong_id<struct import_tag, std::uint64_t>;
std::string to_string(import_id id);  // "i000017", decimal
std::optional<import_id> parse_import_id(std::string_view text);

}  // namespace consentry

namespace consentry::app {

// Numbers are stored.
enum class import_state : std::uint8_t {
  uploading = 1,  // parts may still come
  waiting = 2,    // started; others are before it
  planning = 3,   // read and judged; nothing is stored yet. A restart plans again
  applying = 4,   // a restart goes on where it was
  done = 5,
  refused = 6,    // whole: nothing is stored
  failed = 7,     // could not: what was applied stays
  cancelled = 8,  // what was applied stays
};
std::string_view name_of(import_state s) noexcept;

struct import_job {
  import_id id;
  tenant_id tenant;
  import_state state = import_state::uploading;

  std::string importer;  // login
  std::string source;    // file name
  policy::consent::import_format format = policy::consent::import_format::csv;
  std::string mapping;
  char delimiter = 0;
  bool is_dry_run = false;
  bool is_all_or_nothing = false;
  std::optional<std::uint64_t> bytes;  // of the whole file, where the client told
  std::uint64_t uploaded = 0;          // bytes that are durable

  instant created_at{};
  instant touched_at{};  // the last upload or change of state
  // Set when it starts and unique within the tenant: recorded_at of every consent it brings, by
  // which the import of a consent is found again.
  std::optional<instant> now;
  std::optional<instant> ended_at;

  std::uint64_t rows_read = 0;
  std::uint64_t taken = 0;
  std::uint64_t withdrawals = 0;
  std::map<std::string, std::uint64_t> refused_by_reason;
  std::vector<std::string> ignored_columns;
  std::vector<std::string> runs;     // names in the job's folder
  std::vector<std::string> samples;  // likewise
  policy::consent::import_position position;
  std::string why;  // it was refused, failed or waits
  bool has_rejects = false;

  policy::consent::import_shares shares;
  // The desk looked: campaigns are not held for this import any more.
  std::optional<instant> released_at;
  std::string released_by;
  std::string release_reason;

  bool is_open() const noexcept { return state <= import_state::applying; }
  std::uint64_t refused() const noexcept { return rows_read - taken; }
  int points() const { return policy::consent::score_of(shares).points; }
};

// Versioned bytes for the store. decode throws decode_error.
std::string encode(const import_job& j);
import_job decode_import_job(std::string_view bytes);

}  // namespace consentry::app
