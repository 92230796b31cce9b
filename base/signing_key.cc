#include "base/signing_key.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace consentry {
namespace {

struct key_deleter {
  void operator()(EVP_PKEY* k) const noexcept { EVP_PKEY_free(k); }
};
struct context_deleter {
  void operator()(EVP_MD_CTX* c) const noexcept { EVP_MD_CTX_free(c); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, key_deleter>;
using context_ptr = std::unique_ptr<EVP_MD_CTX, context_deleter>;
constexpr std::size_t key_bytes = 32, signature_bytes = 64;

const unsigned char* octets(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

}  // namespace

struct signing_key::state {
  key_ptr key;
};

signing_key::signing_key(std::string_view seed) : state_{std::make_unique<state>()} {
  CONSENTRY_CHECK(seed.size() == key_bytes);
  state_->key.reset(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, octets(seed), seed.size()));
  CONSENTRY_CHECK(state_->key != nullptr);
  public_key_.resize(key_bytes);
  std::size_t size = key_bytes;
  CONSENTRY_CHECK(EVP_PKEY_get_raw_public_key(state_->key.get(),
                                              reinterpret_cast<unsigned char*>(public_key_.data()),
                                              &size) == 1);
}

signing_key::~signing_key() = default;
signing_key::signing_key(signing_key&&) noexcept = default;

std::string signing_key::sign(std::string_view bytes) const {
  const context_ptr c{EVP_MD_CTX_new()};
  std::string out(signature_bytes, '\0');
  std::size_t size = out.size();
  CONSENTRY_CHECK(c != nullptr &&
                  EVP_DigestSignInit(c.get(), nullptr, nullptr, nullptr, state_->key.get()) == 1 &&
                  EVP_DigestSign(c.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                                 octets(bytes), bytes.size()) == 1);
  return out;
}

bool verify_signature(std::string_view public_key, std::string_view bytes,
                      std::string_view signature) {
  if (public_key.size() != key_bytes || signature.size() != signature_bytes) return false;
  const key_ptr key{EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(public_key),
                                                public_key.size())};
  const context_ptr c{EVP_MD_CTX_new()};
  return key != nullptr && c != nullptr &&
         EVP_DigestVerifyInit(c.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(c.get(), octets(signature), signature.size(), octets(bytes),
                          bytes.size()) == 1;
}

}  // namespace consentry
