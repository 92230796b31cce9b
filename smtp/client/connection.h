// One SMTP connection to one host, from connect to QUIT (RFC 5321, RFC 3207). What is said over it
// about messages is in transaction.h.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/tls_sessions.h"
#include "smtp/client/capabilities.h"
#include "smtp/client/dialog_tap.h"
#include "smtp/client/peer_check.h"
#include "smtp/outcome.h"
#include "smtp/reply.h"

namespace consentry::smtp::client {

enum class tls_mode : std::uint8_t {
  off,
  opportunistic,  // used where offered
  required,       // no STARTTLS, no mail
};

// RFC 5321 section 4.5.3.2; those it does not name are ours.
struct timeouts {
  std::chrono::milliseconds connect{30'000};
  std::chrono::milliseconds greeting{300'000};
  std::chrono::milliseconds hello{300'000};
  std::chrono::milliseconds tls_handshake{60'000};
  std::chrono::milliseconds mail{300'000};
  std::chrono::milliseconds recipient{300'000};
  std::chrono::milliseconds data{120'000};
  std::chrono::milliseconds data_block{180'000};
  std::chrono::milliseconds final_dot{600'000};
  std::chrono::milliseconds quit{2'000};
};

struct connection_settings {
  std::string ehlo_name;
  std::string own_name;  // what this gateway's listeners call themselves: a host that says the same
                         // is this one, and mail to it would come back. Empty: not looked at
  tls_mode tls = tls_mode::opportunistic;
  std::shared_ptr<boost::asio::ssl::context>
      tls_context;  // make_client_tls(), verifying where check demands it; needed unless tls is off
  peer_check check;  // by nothing: the certificate is not judged
  // Taken up again by connections to the same host and address from the same `origin` under an
  // equal check; null: never.
  std::shared_ptr<tls_sessions> sessions;
  std::string origin;                                   // names the source
  std::optional<boost::asio::ip::address> source_ipv4;  // bound to before connecting
  std::optional<boost::asio::ip::address> source_ipv6;
  timeouts wait;
  std::shared_ptr<dialog_tap> tap{};  // nullptr: nobody looks
};

struct target {
  std::string host_name;  // MX name: SNI and logs
  boost::asio::ip::address address;
  std::uint16_t port = 25;
};

class connection;

struct open_result {
  std::unique_ptr<connection> made;  // null: problem says why
  outcome problem;  // never delivered. Scope site: nothing answered; session: the host answered,
                    // not as it should. A 5xx greeting is deferred, so that another host is tried,
                    // but for 521 and 556 (RFC 7504: bounced)
  bool tls_failed = false;  // STARTTLS or its handshake failed: opportunistic callers may open
                            // again with tls_mode::off
  // Why no TLS came about; of a check that is not enforced, what was wrong with a session that did.
  tls_fault fault = tls_fault::none;
  std::string fault_cause;
};

// Use from one executor that runs on one thread, one operation at a time. Cancelling the coroutine
// that waits closes it.
class connection {
 public:
  // Connects, reads the greeting, says EHLO (else HELO), does STARTTLS and EHLO again. settings by
  // value: they may be reloaded meanwhile.
  static boost::asio::awaitable<open_result> open(target to, connection_settings settings);

  ~connection();  // closes without QUIT
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  // Whoever looks from now on; nullptr: nobody.
  void set_tap(std::shared_ptr<dialog_tap> tap) noexcept;

  // QUIT with a short deadline, then closes. The reply does not matter.
  boost::asio::awaitable<void> quit();

  bool is_open() const noexcept;
  const capabilities& offers() const noexcept;
  const target& peer() const noexcept;
  // "TLSv1.3 TLS_AES_256_GCM_SHA384 dane": what protects it; empty: clear text. Last stands the
  // check's label, or "unverified"; before it "resumed" where the session was taken up again.
  const std::string& tls() const noexcept;
  bool is_verified() const noexcept;             // its check succeeded
  const peer_verdict& verdict() const noexcept;  // no fault where there was no TLS
  unsigned message_count() const noexcept;       // transactions begun

  // For transaction.cc. A failure (io, timeout, protocol, cancelled) has closed the connection; so
  // has a 421. Only a write that the peer cut off leaves it open for reading: what the peer said
  // before is still there. What was to be written has not arrived whole then.
  boost::asio::awaitable<result<void>> write(std::string_view bytes,
                                             std::chrono::milliseconds deadline);
  // The pieces one after the other, in as few system calls as can be; they stay the caller's.
  boost::asio::awaitable<result<void>> write(const std::vector<std::string_view>& pieces,
                                             std::chrono::milliseconds deadline);
  boost::asio::awaitable<result<reply>> read_reply(std::chrono::milliseconds deadline);

  // What there is to read while the peer is owed nothing and owes nothing. Under TLS only its end
  // can be told.
  enum class rest : std::uint8_t { none, words, end };
  rest unread() const noexcept;
  const timeouts& wait() const noexcept;
  void count_message() noexcept;
  void needs_rset(bool yes) noexcept;
  bool needs_rset() const noexcept;
  void close() noexcept;

 private:
  struct impl;
  explicit connection(std::unique_ptr<impl> i);
  std::unique_ptr<impl> impl_;
};

}  // namespace consentry::smtp::client
