// Files as rows of named columns, before anything is judged about them: CSV (RFC 4180) and NDJSON.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/consent/import.h"

namespace consentry::policy::consent {

enum class column : std::uint8_t {
  email,
  topic,
  given_at,
  method,
  provenance,  // each must be there
  notice_hash,
  evidence,  // one of the two
  sender,
  confirmed_at,
  notice_version,
  notice_language,
  notice_url,
  form_id,
  tick,
  ip,
  user_agent,
  doi_sent_at,
  confirmed_ip,
  confirmed_user_agent,
  box_came_ticked,
  name,
  purchase_day,
  purchase_id,
  birth_day,
  expires_on,
  last_delivery_at,
  last_click_at,
  withdrawn_at,
  withdrawn_method,
};
inline constexpr std::size_t columns = 29;

std::string_view to_string(column c) noexcept;
std::optional<column> parse_column(std::string_view name) noexcept;

struct raw_row {
  std::uint64_t line = 0;                        // the first line of the row, from 1
  std::array<std::string_view, columns> fields;  // trimmed; empty where absent
  std::string_view text;                         // as it stands in the file, without its line end
  std::string broken;                            // why the row cannot be read; empty: it can

  std::string_view operator[](column c) const noexcept {
    return fields[static_cast<std::size_t>(c)];
  }
};

// Names in a file that are not ours, lower case -> what they mean.
using column_mapping = std::map<std::string, column, std::less<>>;
// "E-mail cím=email;Feliratkozás=given_at" (";" or line ends between). failure invalid: what is
// wrong with it.
result<column_mapping> parse_mapping(std::string_view text);

// What was met of column names.
struct columns_met {
  std::bitset<columns> seen;
  std::set<std::string> ignored;  // names nobody knows, the first 64
  // Not empty: a name that must not be passed over; the file is rejected.
  std::string fatal;

  // Which column a name is; unknown ones are noted, and are fatal where they speak of a withdrawal.
  std::optional<column> note(std::string_view name, const column_mapping& mapping);
  void add(const columns_met& more);
};

// How the rows of one file are to be read.
struct file_layout {
  import_format format = import_format::csv;
  column_mapping mapping;
  char separator = ',';
  std::vector<std::optional<column>> order;  // CSV
  columns_met met;                           // in the header line
  std::size_t header_bytes = 0;
  std::uint64_t header_lines = 0;
};
// head: the beginning of the file. failure invalid: it is rejected.
result<file_layout> read_layout(std::string_view head, const import_request& request);

// How many bytes of text, which begins with a record, are whole records; 0: not one ends in it.
// is_end: nothing comes behind text. A quote that never closes holds back all behind it.
std::size_t whole_records(std::string_view text, const file_layout& layout, bool is_end);

// Reads a piece of whole records. Views are valid until the next row, and while the piece lives.
class row_reader {
 public:
  virtual ~row_reader() = default;
  // false: the end.
  virtual bool next(raw_row& row) = 0;
  const columns_met& met() const noexcept { return met_; }

 protected:
  columns_met met_;
};
std::unique_ptr<row_reader> make_row_reader(std::string_view piece, std::uint64_t first_line,
                                            const file_layout& layout, const import_limits& limits);

// A field as CSV: in quotes where it needs them.
void append_csv(std::string& out, std::string_view field);

}  // namespace consentry::policy::consent
