// Takes a message apart for reading: parts, decoded bodies, decoded headers. Analysis only: what is
// sent on is always the original bytes. The scan is ours, with every limit in it; of mimetic it
// uses the codec that is exact (docs/decisions/mime-reading.md says why not its tree).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace consentry::smtp::mime {

struct walk_limits {
  std::size_t message_bytes_max = 64u << 20;
  std::size_t header_block_bytes_max = 256u << 10;  // of one part
  std::size_t header_line_bytes_max = 32u << 10;    // one field, unfolded
  std::size_t folds_max = 1000;                     // in one field
  std::size_t headers_max = 1000;                   // of one part
  // RFC 2046 section 5.1.1 says 70, mailers in the wild write more: that is a problem line only.
  std::size_t boundary_bytes_max = 16u << 10;
  std::size_t parts_max = 1000;
  unsigned depth_max = 20;
  std::size_t decoded_bytes_max = 64u << 20;  // of all leaves together
};

struct header_field {
  std::string name;  // as written
  std::string raw;   // value with folding, without the CRLF at its end
  std::string text;  // unfolded, RFC 2047 decoded, valid UTF-8; encoded control characters stay
  std::size_t offset = 0;  // of the name, in the message
};

// A node of the MIME tree, in reading order (containers before their children).
struct part {
  // "1", "1.2"; the message itself is "0", a message enclosed in part "2" is "2.0" with parts
  // "2.1" and so on.
  std::string path;
  unsigned depth = 0;
  std::string type;  // "text/html", lower case; "text/plain" if none was given
  std::map<std::string, std::string>
      params;                     // Content-Type parameters, RFC 2231 decoded, names lower case
  std::string disposition;        // "attachment", "inline", ""
  std::string file_name;          // RFC 2231 / 2047 decoded, valid UTF-8
  std::string transfer_encoding;  // lower case; "7bit" if none
  std::vector<header_field> headers;
  bool is_container = false;  // multipart/* and message/rfc822
  std::string body;           // leaves: transfer-decoded bytes
  // text/*: body as valid UTF-8, whatever the label said (RULES F2). Also of leaves that a reader
  // may show as text: message/* reports, multiparts that could not be taken apart. Of a multipart:
  // what stands before, and behind, its parts, which readers that know no MIME show.
  std::string text;
  std::string charset;  // the one that was used for it
  // Of the encoded body, in the message. Inside an enclosed message that was itself
  // transfer-encoded: the place of that encoded body.
  std::size_t body_offset = 0;
  std::size_t body_length = 0;  // encoded bytes
};

struct walked_message {
  std::vector<header_field> headers;  // of the message itself
  std::vector<part> parts;
  // What was odd, in words a person understands: "part 1.2: base64: broken off". At most 100. Not
  // empty is not an error.
  std::vector<std::string> problems;
  // Something could not be read to its end (a limit, broken structure, unknown encoding): never
  // pass it silently (A6).
  bool unscannable = false;

  // First field of that name (any case), nullptr if none.
  const header_field* header(std::string_view name) const noexcept;
  std::size_t count(std::string_view name) const noexcept;
};

// Takes CRLF or LF line ends (CR alone only where there is no LF at all). Never throws for bad
// input; a limit reached gives what was read so far, with unscannable set. parts is never empty:
// parts[0] is the message itself, whose fields are in headers too. Any thread; linear in the size
// of the message.
walked_message walk(std::string_view message, const walk_limits& limits = {});

}  // namespace consentry::smtp::mime
