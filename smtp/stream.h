// The kind of sending a credential is bound to (RULES A1.1). Headers may only make it stricter.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace consentry::smtp {

enum class stream : std::uint8_t {
  bulk = 1,           // advertising to a list: consent per recipient, counted, can be blocked
  transactional = 2,  // an answer to one person's act: order, invoice, password
  automation = 3,     // triggered series: consent as for bulk; flows on while a tenant is overdue
  doi = 4,            // double opt-in confirmation: one recipient, approved template
};

constexpr std::string_view to_string(stream s) noexcept {
  switch (s) {
    case stream::bulk:
      return "bulk";
    case stream::transactional:
      return "transactional";
    case stream::automation:
      return "automation";
    case stream::doi:
      return "doi";
  }
  return "unknown";
}

constexpr std::optional<stream> parse_stream(std::string_view name) noexcept {
  for (auto s : {stream::bulk, stream::transactional, stream::automation, stream::doi})
    if (to_string(s) == name) return s;
  return std::nullopt;
}

}  // namespace consentry::smtp
