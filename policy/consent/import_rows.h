// Files as rows of named columns, before anything is judged about them: CSV (RFC 4180) and NDJSON.
#pragma once

#include <array>
#include <cstdint>
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
  name,
  purchase_day,
  last_delivery_at,
  last_click_at,
  withdrawn_at,
  withdrawn_method,
};
inline constexpr std::size_t columns = 22;

std::string_view to_string(column c) noexcept;
std::optional<column> parse_column(std::string_view name) noexcept;

struct raw_row {
  std::uint64_t line = 0;
  std::array<std::string, columns> fields;  // trimmed; empty where absent
  std::string broken;                       // why the row cannot be read; empty: it can

  const std::string& operator[](column c) const noexcept {
    return fields[static_cast<std::size_t>(c)];
  }
};

class row_reader {
 public:
  virtual ~row_reader() = default;
  // false: the end.
  virtual bool next(raw_row& row) = 0;

  const std::set<column>& seen() const noexcept { return seen_; }
  const std::set<std::string>& ignored() const noexcept { return ignored_; }
  // Not empty: from here on nothing can be read, or a column was met that must not be passed over.
  const std::string& fatal() const noexcept { return fatal_; }

 protected:
  // Which column a name is; unknown names are noted, and are fatal where they speak of a
  // withdrawal.
  std::optional<column> note(std::string_view name);

  std::set<column> seen_;
  std::set<std::string> ignored_;
  std::string fatal_;
};

// The file must outlive the reader.
std::unique_ptr<row_reader> make_row_reader(std::string_view file, import_format format,
                                            const import_limits& limits);

}  // namespace consentry::policy::consent
