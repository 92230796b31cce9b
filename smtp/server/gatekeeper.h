// Who may come in and what may be said: the questions a session asks. app/intake answers them for
// real; dialogs answer them from a script. All calls run on the session's I/O thread; the answers
// may suspend.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "smtp/envelope.h"
#include "smtp/reply.h"
#include "smtp/stream.h"

namespace consentry::smtp::server {

enum class listener_role : std::uint8_t {
  submission,  // 587 and 465: authenticated tenants only
  inbound,     // 25: strangers, to the gateway's own addresses only; no AUTH offered
};

// Stored instead of a password (RFC 5802 section 3): useless to a thief for logging in elsewhere.
struct scram_keys {
  std::string salt;
  int iterations = 0;
  std::string stored_key;  // 32 bytes
  std::string server_key;  // 32 bytes
};

// What an authenticated session acts as.
struct principal {
  tenant_id tenant;
  std::string credential;  // its name, unique
  smtp::stream stream = smtp::stream::bulk;
  std::string campaign;  // defaults bound to the credential; empty: none
  std::string topic;
};

struct session_info {
  listener_role role = listener_role::submission;
  std::string id;  // short, for logs and the Received field
  std::string remote_ip;
  std::uint16_t remote_port = 0;
  std::string ehlo_name;  // as the client said it
  bool esmtp = false;     // EHLO, not HELO
  std::string tls;        // "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty: clear text
  std::optional<principal> who;
};

class gatekeeper {
 public:
  virtual ~gatekeeper() = default;

  // The keys of a user name; nullopt: unknown (the session then plays on with false keys, so that
  // names cannot be probed). A failure is answered 454 4.7.0.
  virtual boost::asio::awaitable<result<std::optional<scram_keys>>> find_keys(std::string user) = 0;

  // The proof was right. refused: the credential is switched off (535). Else the principal of the
  // session.
  virtual boost::asio::awaitable<result<principal>> sign_in(const session_info& session,
                                                            std::string user) = 0;

  // MAIL FROM with its parameters. 250, or why not.
  virtual boost::asio::awaitable<reply> mail(const session_info& session,
                                             const envelope& so_far) = 0;

  // RCPT TO: so_far holds the recipients taken before, next is the one asked for.
  virtual boost::asio::awaitable<reply> recipient(const session_info& session,
                                                  const envelope& so_far,
                                                  const envelope_recipient& next) = 0;

  // The message is complete: CRLF line ends only, dots unstuffed, no bare CR, LF or NUL, at most
  // the size limit. A positive reply means: it is durable. data does not hold our Received field
  // yet.
  virtual boost::asio::awaitable<reply> message(const session_info& session, envelope complete,
                                                std::string data) = 0;
};

}  // namespace consentry::smtp::server
