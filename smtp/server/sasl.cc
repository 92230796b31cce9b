#include "smtp/server/sasl.h"

#include "base/secret.h"
#include "base/text.h"
#include "smtp/server/saslprep.h"
#include "smtp/server/scram.h"

namespace consentry::smtp::server {
namespace {

using kind = sasl_step::kind;

constexpr std::size_t salt_octets = 16;

// PLAIN and LOGIN: the password itself comes, and is hashed as SCRAM would.
class password_exchange : public sasl_exchange {
 public:
  sasl_step use_keys(const scram_keys& keys) override {
    const auto prepared = saslprep(password_.reveal());
    const auto salted = pbkdf2_sha256(prepared.value_or(""), keys.salt, keys.iterations);
    const auto stored = scram_stored_key(as_bytes(salted));
    const bool fits = equal_in_constant_time(as_bytes(stored), keys.stored_key);
    return {fits && prepared && !prepared->empty() ? kind::proven : kind::wrong, {}};
  }
  bool is_slow() const override { return true; }

 protected:
  secret_text password_;
};

class plain_exchange final : public password_exchange {
 public:
  sasl_step start() override { return {kind::challenge, {}}; }

  sasl_step respond(std::string_view message) override {
    const auto fields = split(message, '\0');
    if (fields.size() != 3 || fields[1].empty() || fields[2].empty()) return {};
    // RFC 4616: acting for somebody else is not offered (RULES B, RFC 4954).
    if (!fields[0].empty() && fields[0] != fields[1]) return {kind::wrong, {}};
    const auto user = saslprep(fields[1]);
    if (!user || user->empty()) return {};
    user_ = *user;
    password_ = secret_text{std::string{fields[2]}};
    return {kind::need_keys, {}};
  }
};

class login_exchange final : public password_exchange {
 public:
  sasl_step start() override { return {kind::challenge, "Username:"}; }

  sasl_step respond(std::string_view message) override {
    if (message.empty()) return {};
    if (user_.empty()) {
      const auto user = saslprep(message);
      if (!user || user->empty()) return {};  // else the next message would be the name again
      user_ = *user;
      return {kind::challenge, "Password:"};
    }
    password_ = secret_text{std::string{message}};
    return {kind::need_keys, {}};
  }
};

class scram_exchange final : public sasl_exchange {
 public:
  explicit scram_exchange(std::string nonce)
      : server_nonce_{nonce.empty() ? base64(random_bytes(18)) : std::move(nonce)} {}

  sasl_step start() override { return {kind::challenge, {}}; }

  sasl_step respond(std::string_view message) override {
    switch (at_) {
      case stage::first:
        return first(message);
      case stage::final:
        return final(message);
      case stage::acknowledged:  // the client read our signature and answers with nothing
        return {message.empty() ? kind::proven : kind::malformed, {}};
    }
    return {};
  }

  sasl_step use_keys(const scram_keys& keys) override {
    keys_ = keys;
    server_first_ = "r=" + client_nonce_ + server_nonce_ + ",s=" + base64(keys.salt) +
                    ",i=" + std::to_string(keys.iterations);
    at_ = stage::final;
    return {kind::challenge, server_first_};
  }
  bool is_slow() const override { return false; }

 private:
  enum class stage { first, final, acknowledged };

  sasl_step first(std::string_view message) {
    const auto parts = parse_client_first(message);
    if (!parts) return {};
    gs2_header_ = parts->gs2_header;
    client_first_bare_ = parts->bare;
    client_nonce_ = parts->nonce;
    user_ = parts->user;
    if (!parts->authzid.empty() && parts->authzid != user_) return {kind::wrong, {}};
    return {kind::need_keys, {}};
  }

  sasl_step final(std::string_view message) {
    const auto parts = parse_client_final(message);
    if (!parts) return {};
    // The same header and nonces as before, or somebody sits in between.
    if (parts->channel_binding != gs2_header_ || parts->nonce != client_nonce_ + server_nonce_)
      return {kind::wrong, {}};
    const std::string auth_message =
        client_first_bare_ + "," + server_first_ + "," + parts->without_proof;
    if (!scram_proof_fits(keys_, auth_message, parts->proof)) return {kind::wrong, {}};
    at_ = stage::acknowledged;
    const auto signature = hmac_sha256(keys_.server_key, auth_message);
    return {kind::challenge, "v=" + base64(as_bytes(signature))};
  }

  const std::string server_nonce_;
  stage at_ = stage::first;
  std::string gs2_header_, client_first_bare_, client_nonce_, server_first_;
  scram_keys keys_;
};

}  // namespace

std::unique_ptr<sasl_exchange> sasl_exchange::make(std::string_view mechanism, std::string nonce) {
  if (ascii_iequals(mechanism, "PLAIN")) return std::make_unique<plain_exchange>();
  if (ascii_iequals(mechanism, "LOGIN")) return std::make_unique<login_exchange>();
  if (ascii_iequals(mechanism, "SCRAM-SHA-256"))
    return std::make_unique<scram_exchange>(std::move(nonce));
  return nullptr;
}

result<scram_keys> derive_scram_keys(std::string_view password, std::string salt, int iterations) {
  const auto prepared = saslprep(password);
  if (!prepared || prepared->empty())
    return failure{failure_kind::invalid, true, failure_scope::none,
                   "the password is empty, not UTF-8 or holds control characters", ""};
  const auto salted = pbkdf2_sha256(*prepared, salt, iterations);
  scram_keys keys;
  keys.salt = std::move(salt);
  keys.iterations = iterations;
  keys.stored_key = std::string{as_bytes(scram_stored_key(as_bytes(salted)))};
  keys.server_key = std::string{as_bytes(hmac_sha256(as_bytes(salted), "Server Key"))};
  return keys;
}

result<scram_keys> make_scram_keys(std::string_view password, int iterations) {
  return derive_scram_keys(password, random_bytes(salt_octets), iterations);
}

scram_keys make_false_keys(std::string_view user, std::string_view secret) {
  const auto salt = hmac_sha256(secret, "false salt:" + std::string{user});
  scram_keys keys;
  keys.salt = std::string{as_bytes(salt).substr(0, salt_octets)};
  keys.iterations = scram_iterations_default;
  keys.stored_key = random_bytes(32);
  keys.server_key = random_bytes(32);
  return keys;
}

}  // namespace consentry::smtp::server
