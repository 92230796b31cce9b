// The grammar of commands and their parameters. Pure: a line in, arguments or a refusal out.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "smtp/envelope.h"
#include "smtp/reply.h"

namespace consentry::smtp::server {

enum class verb {
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
  http,  // GET, POST, CONNECT...: a browser or proxy was made to speak to us
};

struct command {
  verb what = verb::unknown;
  std::string_view argument;  // behind the verb and one space, trailing spaces removed
};

command parse_command(std::string_view line);

// Longest line with CRLF: 512 (RFC 5321 section 4.5.3.1.4), more where parameters ask for it.
std::size_t line_bytes_max(verb v) noexcept;

template <class T>
using parsed = boost::system::result<T, reply>;

// EHLO and HELO: a domain or an address literal; underscores are let pass, as clients send them.
parsed<std::string> parse_hello(std::string_view argument);

// "FROM:<path> params". extended: after EHLO, else no parameter is taken. Fills all of an envelope
// but its recipients.
parsed<envelope> parse_mail(std::string_view argument, bool extended);

// "TO:<path> params". our_domain completes a bare <postmaster> (RFC 5321 section 4.5.1). smtputf8:
// as MAIL said.
parsed<envelope_recipient> parse_rcpt(std::string_view argument, bool extended, bool smtputf8,
                                      std::string_view our_domain);

struct chunk_arguments {
  std::uint64_t octets = 0;
  bool last = false;
};
parsed<chunk_arguments> parse_bdat(std::string_view argument);

// RFC 3461 section 4. nullopt: not xtext.
std::optional<std::string> decode_xtext(std::string_view text);

}  // namespace consentry::smtp::server
