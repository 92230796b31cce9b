#include "queue/queue_filter.h"

#include <array>

namespace consentry::queue {
namespace {

constexpr std::array names{std::pair{waits::untried, std::string_view{"untried"}},
                           std::pair{waits::deferred, std::string_view{"deferred"}},
                           std::pair{waits::held, std::string_view{"held"}}};

bool is_so(waits w, const queued_recipient& r) {
  if (w == waits::held) return r.state == recipient_state::held;
  return r.state == recipient_state::queued && (r.attempts != 0) == (w == waits::deferred);
}

}  // namespace

std::string_view to_string(waits w) noexcept {
  for (const auto& [value, name] : names)
    if (value == w) return name;
  return "unknown";
}

std::optional<waits> parse_waits(std::string_view name) noexcept {
  for (const auto& [value, text] : names)
    if (text == name) return value;
  return std::nullopt;
}

bool queue_filter::has_message(const queued_message& m) const {
  return (!tenant || m.tenant == tenant) && (!stream || m.stream == *stream) &&
         (!campaign || m.campaign == *campaign) && (!message || m.id == message) &&
         m.accepted_at >= accepted_from && m.accepted_at < accepted_before;
}

bool queue_filter::has_recipient(const queued_recipient& r) const {
  if (is_final(r.state)) return false;
  return (!recipient || r.id == recipient) && (!state || is_so(*state, r)) &&
         (!held_because || (r.state == recipient_state::held && r.reason == *held_because)) &&
         (!domains || domains->contains(r.domain));
}

bool queue_filter::asks_for_recipients() const noexcept {
  return recipient || state || held_because || domains;
}

}  // namespace consentry::queue
