// TLS sessions of connections that we opened, to be taken up again: a handshake without
// certificates (RFC 5077, RFC 8446 section 2.2).
#pragma once

#include <openssl/ossl_typ.h>

#include <boost/asio/ssl/context.hpp>
#include <cstddef>
#include <memory>
#include <string>

namespace consentry {

// One thread. What verified a session's first handshake is not verified again when it is taken up:
// the key must name the peer and everything that was demanded of it.
class tls_sessions : public std::enable_shared_from_this<tls_sessions> {
 public:
  static std::shared_ptr<tls_sessions> make(std::size_t keys_max = 4096);
  ~tls_sessions();
  tls_sessions(const tls_sessions&) = delete;
  tls_sessions& operator=(const tls_sessions&) = delete;

  // At start, once for each context whose connections take part. The context outlives nothing of
  // this: either may go first.
  static void enable(boost::asio::ssl::context& context);

  // Before the handshake: offers the newest session of this key, and keeps those that the peer will
  // give.
  void prepare(SSL* connection, std::string key);
  // After a handshake that failed: what was offered may be to blame.
  void forget(const std::string& key);

  std::size_t size() const noexcept;

 private:
  explicit tls_sessions(std::size_t keys_max);
  static int keep_new(SSL* connection, SSL_SESSION* session);

  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace consentry
