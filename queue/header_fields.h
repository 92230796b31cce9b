// A header block cut into its fields, bytes untouched. For what adds and leaves out fields;
// decoding is smtp/mime's.
#pragma once

#include <string_view>
#include <vector>

namespace consentry::queue {

struct raw_field {
  std::string_view name;                    // as written; empty: a line that is no field
  std::string_view whole;                   // with folding and the CRLF at its end
  std::string_view value() const noexcept;  // behind the colon, folding left in, trimmed
};

// Fields up to the empty line; body is what follows it. The empty line belongs to neither.
struct split_message {
  std::vector<raw_field> fields;
  std::string_view header;  // all fields as they stand
  std::string_view body;
};
split_message split_header(std::string_view message);

// First of that name in any case; nullptr: none.
const raw_field* find_field(const std::vector<raw_field>& fields, std::string_view name) noexcept;

bool has_eight_bit(std::string_view bytes) noexcept;

}  // namespace consentry::queue
