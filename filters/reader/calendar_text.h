// iCalendar (RFC 5545) and vCard (RFC 6350, and 2.1): what a calendar or an address book shows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace consentry::filters::reader {

struct calendar_text {
  std::string text;  // one value a line: unfolded, unescaped, quoted-printable decoded
  std::vector<std::string> attached;  // base64 values: pictures, files
};

// utf8: valid UTF-8. Never fails: what is no content line is text as it stands.
calendar_text read_calendar(std::string_view utf8);

}  // namespace consentry::filters::reader
