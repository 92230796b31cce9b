// Which of the queue's mail is meant, by whoever lists it or acts on it.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "queue/queued_message.h"

namespace consentry::queue {

enum class waits : std::uint8_t {
  untried,   // queued, no attempt yet
  deferred,  // queued, tried before
  held
};
std::string_view to_string(waits w) noexcept;
std::optional<waits> parse_waits(std::string_view name) noexcept;

// Unset parts match all.
struct queue_filter {
  tenant_id tenant;
  std::optional<smtp::stream> stream;
  std::optional<std::string> campaign;
  message_id message;
  std::optional<std::string> held_because;  // only what is held for this reason
  recipient_id recipient;
  std::shared_ptr<const std::set<std::string>> domains;  // of recipients, as they are stored
  std::optional<waits> state;
  instant accepted_from{};
  instant accepted_before = instant::max();

  bool has_message(const queued_message& m) const;
  bool has_recipient(const queued_recipient& r) const;  // of a message that it has; open ones only
  bool asks_for_recipients() const noexcept;            // has_recipient() may say no to an open one
};

}  // namespace consentry::queue
