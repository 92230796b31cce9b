#include "base/tls_context.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <boost/asio/ssl.hpp>

#include "base/check.h"
#include "base/result.h"
#include "base/secret.h"

namespace consentry {
namespace {

std::string openssl_error() {
  char text[256] = "unknown";
  if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

std::shared_ptr<boost::asio::ssl::context> make(boost::asio::ssl::context::method method) {
  auto context = std::make_shared<boost::asio::ssl::context>(method);
  SSL_CTX* raw = context->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(
      raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Idle sessions give their 34 KiB of buffers back.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  return context;
}

template <class T, void (*Free)(T*)>
struct freed {
  void operator()(T* p) const noexcept { Free(p); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed<EVP_PKEY, EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed<X509, X509_free>>;

struct memory_bio {
  BIO* bio = BIO_new(BIO_s_mem());
  ~memory_bio() { BIO_free(bio); }
  std::string text() const {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
  }
};

certificate_ptr self_sign(EVP_PKEY* key, const std::string& host_name) {
  certificate_ptr cert{X509_new()};
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert.get()), random_u64() >> 1);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 365L * 24 * 3600);
  X509_set_pubkey(cert.get(), key);
  X509_NAME* name = X509_get_subject_name(cert.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(host_name.c_str()), -1, -1, 0);
  X509_set_issuer_name(cert.get(), name);
  const std::string alternative = "DNS:" + host_name + ",DNS:localhost,IP:127.0.0.1";
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative.c_str());
  CONSENTRY_CHECK(names != nullptr);
  X509_add_ext(cert.get(), names, -1);
  X509_EXTENSION_free(names);
  CONSENTRY_CHECK(X509_sign(cert.get(), key, EVP_sha256()) != 0);
  return cert;
}

}  // namespace

std::shared_ptr<boost::asio::ssl::context> make_server_tls(const tls_identity& identity) {
  auto context = make(boost::asio::ssl::context::tls_server);
  SSL_CTX* raw = context->native_handle();
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(raw, identity.certificate_chain.c_str()) != 1)
    throw configuration_error(identity.certificate_chain.string() +
                              ": not a usable certificate chain: " + openssl_error());
  if (SSL_CTX_use_PrivateKey_file(raw, identity.private_key.c_str(), SSL_FILETYPE_PEM) != 1)
    throw configuration_error(identity.private_key.string() +
                              ": not a usable private key: " + openssl_error());
  if (SSL_CTX_check_private_key(raw) != 1)
    throw configuration_error(identity.private_key.string() +
                              ": does not belong to the certificate");
  SSL_CTX_set_options(raw, SSL_OP_CIPHER_SERVER_PREFERENCE);
  const std::string session_context = "consentry";
  SSL_CTX_set_session_id_context(raw,
                                 reinterpret_cast<const unsigned char*>(session_context.data()),
                                 static_cast<unsigned>(session_context.size()));
  return context;
}

std::shared_ptr<boost::asio::ssl::context> make_client_tls() {
  auto context = make(boost::asio::ssl::context::tls_client);
  context->set_verify_mode(boost::asio::ssl::verify_none);
  return context;
}

std::shared_ptr<boost::asio::ssl::context> make_verifying_client_tls(
    const std::filesystem::path& authorities) {
  auto context = make_client_tls();
  SSL_CTX* raw = context->native_handle();
  ERR_clear_error();
  const int loaded = authorities.empty() ? SSL_CTX_set_default_verify_paths(raw)
                                         : SSL_CTX_load_verify_file(raw, authorities.c_str());
  if (loaded != 1)
    throw configuration_error(authorities.string() +
                              ": no usable certificates of authorities: " + openssl_error());
  CONSENTRY_CHECK(SSL_CTX_dane_enable(raw) == 1);
  // RFC 7672 section 3.1.1: of a DANE-EE certificate neither names nor dates count.
  SSL_CTX_dane_set_flags(raw, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
  return context;
}

void make_self_signed(const tls_identity& identity, const std::string& host_name) {
  const key_ptr key{EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")};
  CONSENTRY_CHECK(key != nullptr);
  const auto cert = self_sign(key.get(), host_name);
  memory_bio key_pem, cert_pem;
  PEM_write_bio_PrivateKey(key_pem.bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  PEM_write_bio_X509(cert_pem.bio, cert.get());
  const secret_text key_text{key_pem.text()};
  if (auto r = create_key_file(identity.private_key, key_text.reveal()); !r)
    throw configuration_error(describe(r.error()));
  if (auto r = create_key_file(identity.certificate_chain, cert_pem.text()); !r)
    throw configuration_error(describe(r.error()));
}

}  // namespace consentry
