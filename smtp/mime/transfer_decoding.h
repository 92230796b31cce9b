// Content-Transfer-Encodings (RFC 2045 section 6) as a forgiving reader decodes them. Our own,
// because mimetic's quoted-printable joins words over trailing blanks
// (docs/decisions/mime-reading.md).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace consentry::smtp::mime {

struct decoded_bytes {
  std::string bytes;
  std::string problem;  // what was odd, "" if nothing: "base64: 3 characters outside the alphabet"
  // Another reader may see other content here, or not all of it was read: do not trust the bytes
  // to be all that a recipient sees.
  bool in_doubt = false;
};

// All are linear, decode at most bytes_max bytes (more: in_doubt) and never fail.

// Characters outside the alphabet are skipped, missing padding is assumed. After padding it goes on
// only if all that follows is base64 again; a text footer is left out.
decoded_bytes decode_base64(std::string_view encoded, std::size_t bytes_max);

// Line ends stay as they are. Blanks at a line's end stay too (a reader that drops them sees no
// less); a soft line break with blanks behind its "=" still joins the lines.
decoded_bytes decode_quoted_printable(std::string_view encoded, std::size_t bytes_max);

// The first "begin" .. "end" block.
decoded_bytes decode_uuencode(std::string_view encoded, std::size_t bytes_max);
// A "begin 644 name" line with an encoded line behind it, as mail from before MIME carries files.
bool has_uuencode_block(std::string_view text);

}  // namespace consentry::smtp::mime
