// Numbers that name things. Each is a type of its own so that a tenant never stands where a message
// is meant.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace consentry {

template <class Tag, class Number>
struct strong_id {
  Number value{};
  friend constexpr auto operator<=>(strong_id, strong_id) = default;
  constexpr explicit operator bool() const noexcept { return value != 0; }
};

// 0 is "none" in all of them; the store hands them out ascending from 1.
using tenant_id = strong_id<struct tenant_tag, std::uint32_t>;

// One sequence serves both: a message with n recipients takes n + 1 numbers, the message first,
// then its recipients in order. So the message of a recipient is the nearest message at or below
// it.
using message_id = strong_id<struct message_tag, std::uint64_t>;
using recipient_id = strong_id<struct recipient_tag, std::uint64_t>;

// Position in the journal; the first entry is 1.
using journal_seq = strong_id<struct journal_tag, std::uint64_t>;

// What operators type and logs show: "m" or "r" and the number in lower-case Crockford base 32,
// "m00000a7".
std::string to_string(message_id id);
std::string to_string(recipient_id id);
std::optional<message_id> parse_message_id(std::string_view text);
std::optional<recipient_id> parse_recipient_id(std::string_view text);

}  // namespace consentry

template <class Tag, class Number>
struct std::hash<consentry::strong_id<Tag, Number>> {
  std::size_t operator()(consentry::strong_id<Tag, Number> id) const noexcept {
    return std::hash<Number>{}(id.value);
  }
};
