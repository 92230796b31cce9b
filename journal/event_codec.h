// One event as bytes. The grammar, version 1:
//
//   event = u8 version(1), u8 kind, field*
//   field = varint tag, text payload          (text: varint length, bytes)
//
// Each tag stands at most once, except `fact` (a name and a value, each a text). Absent means
// empty. A reader skips tags it does not know, so fields can be added without a new version; a tag
// is never reused for another meaning. Numbers inside payloads are varints; the time is a zigzag.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "journal/event.h"

namespace consentry::journal {

// What an entry may hold. encode() cuts longer texts at a character's end and drops facts beyond
// the bound; decode() refuses them. Both so that no stranger's reply text can swell the history.
inline constexpr std::size_t event_text_bytes_max = 1024;
inline constexpr std::size_t event_facts_max = 64;
inline constexpr std::size_t event_fact_name_bytes_max = 64;
inline constexpr std::size_t event_bytes_max = 96 * 1024;

// CHECKs that person is empty or 16 bytes and commitment empty or 32.
std::string encode(const event& what);

// Throws decode_error: not an event, of a later version, or beyond the bounds. A kind that this
// program does not know is kept as its number.
event decode_event(std::string_view bytes);

// What most readers ask first, without decoding the rest.
struct event_head {
  event_kind kind{};
  tenant_id tenant;
};

// Throws decode_error: no event, or of a later version. What stands behind the tenant is not looked
// at.
event_head peek_event(std::string_view bytes);

}  // namespace consentry::journal
