#include "smtp/server/body_collector.h"

#include <algorithm>

namespace consentry::smtp::server {
namespace {

constexpr std::size_t first_share = 16 * 1024;
constexpr std::uint64_t believed_max =
    1 << 20;  // of a declared size: it costs a stranger nothing to declare

}  // namespace

body_collector::body_collector(const session_limits& limits, memory_budget& memory,
                               std::uint64_t expected_bytes)
    : bytes_max_{limits.message_bytes}, line_bytes_max_{limits.text_line_bytes}, share_{memory} {
  const auto expected = std::min({expected_bytes, believed_max, bytes_max_});
  if (expected > 0 && share_.grow_to(expected)) body_.reserve(expected);
}

void body_collector::drop_body() {
  body_.clear();
  body_.shrink_to_fit();
}

void body_collector::add(std::string_view content) {
  check_.feed(content);
  size_ += content.size();
  if (refusal()) {
    drop_body();
    return;
  }
  const auto needed = body_.size() + content.size();
  if (needed > body_.capacity()) {
    // Doubling, as the string would by itself; but the budget is asked first.
    const auto wanted = std::max({needed, 2 * body_.capacity(), first_share});
    if (!share_.grow_to(wanted)) {
      no_memory_ = true;
      drop_body();
      return;
    }
    body_.reserve(wanted);
  }
  body_.append(content);
}

std::optional<reply> body_collector::refusal() const {
  if (check_.has_bare_newline() || check_.has_nul())
    return reply{550, {5, 5, 2}, "smtp.bare_newline bare CR, bare LF or NUL in the message"};
  if (size_ > bytes_max_) return reply{552, {5, 3, 4}, "message is larger than the limit"};
  if (line_bytes_max_ != 0 && check_.longest_line() > line_bytes_max_)
    return reply{550, {5, 6, 0}, "smtp.line_too_long a line of the message is too long"};
  if (no_memory_) return reply{452, {4, 3, 1}, "not enough memory now, try again later"};
  return std::nullopt;
}

}  // namespace consentry::smtp::server
