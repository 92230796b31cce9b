#include "smtp/auth/key_pem.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <memory>

#include "base/check.h"

namespace consentry::smtp::auth {
namespace {

struct openssl_deleter {
  void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
  void operator()(BIO* p) const noexcept { BIO_free_all(p); }
  void operator()(PKCS8_PRIV_KEY_INFO* p) const noexcept { PKCS8_PRIV_KEY_INFO_free(p); }
  void operator()(X509_SIG* p) const noexcept { X509_SIG_free(p); }
};
template <class T>
using owned = std::unique_ptr<T, openssl_deleter>;

// A passphrase is a random text, not a person's password: this is paid for every key at every
// start, some milliseconds each.
constexpr int iterations = 20'000;
constexpr std::size_t salt_octets = 16;

}  // namespace

bool is_encrypted_pem(const secret_text& pem) noexcept {
  // "BEGIN ENCRYPTED PRIVATE KEY", or "Proc-Type: 4,ENCRYPTED" of OpenSSL's old form.
  return pem.reveal().find("ENCRYPTED") != std::string::npos;
}

result<secret_text> encrypted_pem(const secret_text& plain, const secret_text& passphrase) {
  const auto& text = plain.reveal();
  const owned<BIO> in{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
  // A passphrase would be asked for on the terminal: give an empty one.
  const owned<EVP_PKEY> key{
      PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, const_cast<char*>(""))};
  if (!key)
    return failure{.kind = failure_kind::invalid,
                   .permanent = true,
                   .public_text = "not a private key in PEM form"};
  const owned<PKCS8_PRIV_KEY_INFO> info{EVP_PKEY2PKCS8(key.get())};
  auto salt = random_bytes(salt_octets);
  X509_ALGOR* how = PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), iterations,
                                      reinterpret_cast<unsigned char*>(salt.data()),
                                      static_cast<int>(salt.size()), nullptr, NID_hmacWithSHA256);
  CONSENTRY_CHECK(info && how != nullptr);
  const auto& pass = passphrase.reveal();
  const owned<X509_SIG> sealed{
      PKCS8_set0_pbe(pass.data(), static_cast<int>(pass.size()), info.get(), how)};
  const owned<BIO> out{BIO_new(BIO_s_mem())};
  CONSENTRY_CHECK(sealed && PEM_write_bio_PKCS8(out.get(), sealed.get()) == 1);
  char* data = nullptr;
  const long length = BIO_get_mem_data(out.get(), &data);
  return secret_text{std::string(data, static_cast<std::size_t>(length))};
}

}  // namespace consentry::smtp::auth
