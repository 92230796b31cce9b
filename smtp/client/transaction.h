// One message over one connection: MAIL, RCPT, DATA or BDAT, and what came of it for every
// recipient.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string_view>
#include <vector>

#include "smtp/client/connection.h"
#include "smtp/envelope.h"
#include "smtp/outcome.h"

namespace consentry::smtp::client {

struct outgoing {
  smtp::envelope envelope;
  // The message, in pieces that follow each other (new headers, stored message): CRLF line ends
  // only, dots not stuffed. They must live until send() has returned.
  std::vector<std::string_view> content;
  bool uses_chunking = true;  // where offered
};

enum class transaction_end : std::uint8_t {
  answered,  // every recipient has its outcome
  gated,     // may_start said no before the end of the message was written: it was not sent. The
             // connection is as before, or closed where the content was begun
  stale,   // a connection used before was found closed before this message began: open another one,
           // nothing is lost
  broken,  // the connection broke or the peer broke the protocol on the way
};

struct transaction_result {
  transaction_end end = transaction_end::answered;
  std::vector<outcome>
      outcomes;  // one per recipient, in order; gated and stale: deferred, scope session
  // The end of the message may have reached the peer but its answer did not reach us. The outcomes
  // are deferred; a copy may arrive twice, none is lost.
  bool may_have_been_delivered = false;
  // The peer offers CHUNKING but does not know BDAT: leave it alone there.
  bool chunking_refused = false;
};

// With CHUNKING and PIPELINING (RFC 3030, RFC 2920) a message of common size is one write and one
// round trip; with PIPELINING alone two of each. Nothing unasked-for is taken for an answer.
//
// may_start is asked immediately before MAIL FROM is written, and again before each write that
// follows it up to the one that ends the message; no suspension lies between (RULES A5). The
// peer's refusals have scope: MAIL and data message, RCPT recipient, 421 session. What the next hop
// cannot carry (SMTPUTF8 5.6.7, 8BITMIME 5.6.3, SIZE 5.3.4) is bounced here: reply code 0 with that
// enhanced code, the words in cause. After it, ask is_open() before using the connection again.
boost::asio::awaitable<transaction_result> send(connection& over, outgoing message,
                                                std::function<bool()> may_start);

}  // namespace consentry::smtp::client
