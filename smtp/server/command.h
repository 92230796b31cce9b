// The grammar of commands, but MAIL's and RCPT's arguments: those are in envelope_arguments.h.
// Pure: a line in, arguments or a refusal out.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "smtp/reply.h"

namespace consentry::smtp::server {

enum class verb : std::uint8_t {
  unknown,
  ehlo,
  helo,
  mail,
  rcpt,
  data,
  bdat,
  rset,
  noop,
  quit,
  vrfy,
  expn,
  help,
  auth,
  starttls,
  http,  // GET, POST, CONNECT...: a browser or a proxy was made to speak to us
};

struct command {
  verb what = verb::unknown;
  std::string_view argument;  // behind the verb, without spaces at its ends
};

command parse_command(std::string_view line);

// Longest line with CRLF: 512 (RFC 5321 section 4.5.3.1.4), more where extensions add parameters.
std::size_t line_bytes_max(verb v) noexcept;

// The arguments, or what to answer.
template <class T>
using parsed = boost::system::result<T, reply>;

// EHLO and HELO: a domain or an address literal; underscores are let pass, as clients send them.
// Nothing that could break a header field or a log line.
parsed<std::string> parse_hello(std::string_view argument);

struct chunk_arguments {
  std::uint64_t octets = 0;
  bool last = false;
};
parsed<chunk_arguments> parse_bdat(std::string_view argument);

}  // namespace consentry::smtp::server
