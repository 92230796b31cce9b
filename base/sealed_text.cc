#include "base/sealed_text.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace consentry {
namespace {

constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;

struct cipher_context {
  EVP_CIPHER_CTX* ctx = EVP_CIPHER_CTX_new();
  cipher_context() { CONSENTRY_CHECK(ctx != nullptr); }
  ~cipher_context() { EVP_CIPHER_CTX_free(ctx); }
  cipher_context(const cipher_context&) = delete;
  cipher_context& operator=(const cipher_context&) = delete;
};

const unsigned char* octets(std::string_view s) noexcept {
  return reinterpret_cast<const unsigned char*>(s.data());
}
unsigned char* octets(std::string& s) noexcept {
  return reinterpret_cast<unsigned char*>(s.data());
}

}  // namespace

std::string seal(std::string_view key, std::string_view purpose, std::string_view secret) {
  CONSENTRY_CHECK(key.size() == 32);
  const auto nonce = random_bytes(nonce_bytes);
  std::string text(secret.size(), '\0'), tag(tag_bytes, '\0');
  cipher_context c;
  int n = 0;
  const bool ok =
      EVP_EncryptInit_ex(c.ctx, EVP_aes_256_gcm(), nullptr, octets(key), octets(nonce)) == 1 &&
      EVP_EncryptUpdate(c.ctx, nullptr, &n, octets(purpose), static_cast<int>(purpose.size())) ==
          1 &&
      EVP_EncryptUpdate(c.ctx, octets(text), &n, octets(secret), static_cast<int>(secret.size())) ==
          1 &&
      EVP_EncryptFinal_ex(c.ctx, octets(text) + n, &n) == 1 &&
      EVP_CIPHER_CTX_ctrl(c.ctx, EVP_CTRL_GCM_GET_TAG, tag_bytes, tag.data()) == 1;
  CONSENTRY_CHECK(ok);
  return nonce + text + tag;
}

std::optional<std::string> unseal(std::string_view key, std::string_view purpose,
                                  std::string_view sealed) {
  CONSENTRY_CHECK(key.size() == 32);
  if (sealed.size() < nonce_bytes + tag_bytes) return std::nullopt;
  const auto nonce = sealed.substr(0, nonce_bytes);
  const auto text = sealed.substr(nonce_bytes, sealed.size() - nonce_bytes - tag_bytes);
  std::string tag{sealed.substr(sealed.size() - tag_bytes)};
  std::string out(text.size(), '\0');
  cipher_context c;
  int n = 0;
  const bool ok =
      EVP_DecryptInit_ex(c.ctx, EVP_aes_256_gcm(), nullptr, octets(key), octets(nonce)) == 1 &&
      EVP_DecryptUpdate(c.ctx, nullptr, &n, octets(purpose), static_cast<int>(purpose.size())) ==
          1 &&
      EVP_DecryptUpdate(c.ctx, octets(out), &n, octets(text), static_cast<int>(text.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(c.ctx, EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(c.ctx, octets(out) + n, &n) == 1;
  if (!ok) return std::nullopt;
  return out;
}

struct sha256_stream::state {
  EVP_MD_CTX* ctx = EVP_MD_CTX_new();
  ~state() { EVP_MD_CTX_free(ctx); }
};

sha256_stream::sha256_stream() : state_{std::make_unique<state>()} {
  CONSENTRY_CHECK(state_->ctx != nullptr &&
                  EVP_DigestInit_ex(state_->ctx, EVP_sha256(), nullptr) == 1);
}

sha256_stream::~sha256_stream() = default;

void sha256_stream::add(std::string_view bytes) {
  CONSENTRY_CHECK(EVP_DigestUpdate(state_->ctx, bytes.data(), bytes.size()) == 1);
}

digest256 sha256_stream::finish() {
  digest256 out;
  unsigned n = 0;
  CONSENTRY_CHECK(EVP_DigestFinal_ex(state_->ctx, out.data(), &n) == 1 && n == out.size());
  return out;
}

}  // namespace consentry
