// SASL, the server's side: PLAIN (RFC 4616), LOGIN (as deployed) and SCRAM-SHA-256 (RFC 5802, RFC
// 7677), all against stored SCRAM keys, so that no password is kept. No I/O here; authentication.h
// carries it over SMTP.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "smtp/server/gatekeeper.h"

namespace consentry::smtp::server {

// RFC 7677 section 4 demands at least 4096. One PLAIN sign-in costs this many rounds (about 5 ms of
// one core).
inline constexpr int scram_iterations_default = 10'000;

// For `credential add`: fresh salt. invalid: SASLprep refuses the password (empty, control
// characters, not UTF-8).
result<scram_keys> make_scram_keys(std::string_view password,
                                   int iterations = scram_iterations_default);

// With a salt given, for tests and known vectors.
result<scram_keys> derive_scram_keys(std::string_view password, std::string salt, int iterations);

// Keys of a user who does not exist: the same user gets the same salt as long as the secret stays,
// and no password fits.
scram_keys make_false_keys(std::string_view user, std::string_view secret);

struct sasl_step {
  enum class kind {
    challenge,  // say data, then respond() with the answer
    need_keys,  // look up user(), then use_keys()
    proven,     // the password is right
    malformed,  // not what the mechanism prescribes: 501
    wrong,      // 535
  };
  kind what = kind::malformed;
  std::string data;
};

// One run of one mechanism. Not for reuse after proven, malformed or wrong.
class sasl_exchange {
 public:
  virtual ~sasl_exchange() = default;

  // nullptr: no such mechanism (names as offered, any case). nonce: the server's part for SCRAM;
  // empty: random.
  static std::unique_ptr<sasl_exchange> make(std::string_view mechanism, std::string nonce = {});

  // Before anything has come from the client and it gave no initial response.
  virtual sasl_step start() = 0;
  // The client's next message, base64 decoded.
  virtual sasl_step respond(std::string_view message) = 0;
  // The answer to need_keys. Hashes the password where the mechanism sends one: see is_slow().
  virtual sasl_step use_keys(const scram_keys& keys) = 0;
  virtual bool is_slow() const = 0;  // use_keys takes milliseconds: not for an I/O thread

  const std::string& user() const noexcept { return user_; }  // known from need_keys on

 protected:
  std::string user_;
};

}  // namespace consentry::smtp::server
