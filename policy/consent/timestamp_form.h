// How a source wrote a time. Most texts follow from the instant and a byte or two, so the text
// itself, with its offset (RULES D1), need not be stored a million times over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace consentry::policy::consent {

struct timestamp_form {
  enum class detail : std::uint8_t { day, minutes, seconds, milliseconds };
  enum class zone : std::uint8_t { none, z, colon, plain };  // "", "Z", "+01:00", "+0100"

  detail shown = detail::seconds;
  bool has_space = false;  // " " between date and time, not "T"
  zone ends = zone::none;
  std::int8_t quarters_east = 0;  // of the wall time behind the text, in quarters of an hour

  friend bool operator==(const timestamp_form&, const timestamp_form&) = default;
};

// The form under which t reads exactly as text; nullopt: none, the text must be kept.
std::optional<timestamp_form> form_of(std::string_view text, instant t);
std::string text_of(const timestamp_form& form, instant t);

// One byte, or two where the offset is none of Budapest's or Greenwich's.
std::string pack(const timestamp_form& form);
// From the front of bytes; how many were read, 0: not a form.
std::size_t unpack(std::string_view bytes, timestamp_form& form) noexcept;

}  // namespace consentry::policy::consent
