// AUTH over SMTP (RFC 4954): carries a sasl_exchange over 334 and base64.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string_view>

#include "smtp/reply.h"
#include "smtp/server/channel.h"
#include "smtp/server/session.h"

namespace consentry::smtp::server {

struct auth_outcome {
  reply answer;                    // to say; its close flag counts
  std::optional<principal> who;    // with 235
  bool counts_as_failure = false;  // a wrong proof, not a mistake of form
  bool lost = false;               // the connection broke or timed out meanwhile: say nothing more
};

// argument: "MECHANISM [initial-response]".
boost::asio::awaitable<auth_outcome> authenticate(channel& line, session_services& services,
                                                  const session_info& session, std::string argument,
                                                  byte_stream::duration timeout);

}  // namespace consentry::smtp::server
