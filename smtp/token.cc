#include "smtp/token.h"

#include <openssl/evp.h>

#include <memory>

#include "base/bytes.h"
#include "base/check.h"
#include "base/text.h"

// On the wire: base 32 of
//   key number (1) | AES-128 of (recipient id, 8 bytes big-endian | 8 zero bytes) (16) | MAC (8)
// The MAC is the head of HMAC-SHA-256 over (purpose | key number | cipher block). One block per id
// needs no mode of operation and no nonce: equal ids give equal blocks, which is wanted (a token is
// a name), and nothing else can.
namespace consentry::smtp {
namespace {

constexpr std::size_t half_key = 16, block_bytes = 16, mac_bytes = 8;
constexpr std::size_t token_bytes = 1 + block_bytes + mac_bytes;
constexpr std::size_t token_chars = token_bytes * 8 / 5;
static_assert(token_chars == 40 && token_bytes * 8 % 5 == 0);

std::string aes128_block(std::string_view key, std::string_view block, bool encrypt) {
  const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> c{EVP_CIPHER_CTX_new(),
                                                                     EVP_CIPHER_CTX_free};
  // Looking it up costs more than the block.
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr);
  std::string out(block_bytes, '\0');
  int n = 0;
  const auto bytes = [](std::string_view s) {
    return reinterpret_cast<const unsigned char*>(s.data());
  };
  CONSENTRY_CHECK(
      c && cipher &&
      EVP_CipherInit_ex(c.get(), cipher, nullptr, bytes(key), nullptr, encrypt ? 1 : 0) == 1);
  EVP_CIPHER_CTX_set_padding(c.get(), 0);
  CONSENTRY_CHECK(EVP_CipherUpdate(c.get(), reinterpret_cast<unsigned char*>(out.data()), &n,
                                   bytes(block), static_cast<int>(block_bytes)) == 1 &&
                  n == static_cast<int>(block_bytes));
  return out;
}

std::string mac(const token_key& key, token_purpose purpose, std::string_view block) {
  byte_writer w;
  w.u8(static_cast<std::uint8_t>(purpose)).u8(key.number).raw(block);
  const auto digest = hmac_sha256(std::string_view{key.secret}.substr(half_key), w.bytes());
  return std::string{as_bytes(digest).substr(0, mac_bytes)};
}

}  // namespace

token_ring::token_ring(std::vector<token_key> keys) : keys_{std::move(keys)} {
  CONSENTRY_CHECK(!keys_.empty());
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    CONSENTRY_CHECK(keys_[i].secret.size() == 2 * half_key);
    for (std::size_t k = 0; k < i; ++k) CONSENTRY_CHECK(keys_[k].number != keys_[i].number);
  }
}

std::string token_ring::make(recipient_id id, token_purpose purpose) const {
  const token_key& key = keys_.back();
  byte_writer plain;
  plain.be64(id.value).be64(0);
  const auto block =
      aes128_block(std::string_view{key.secret}.substr(0, half_key), plain.bytes(), true);
  byte_writer token;
  token.u8(key.number).raw(block).raw(mac(key, purpose, block));
  return base32(token.bytes());
}

std::optional<recipient_id> token_ring::read(std::string_view token, token_purpose purpose) const {
  if (token.size() != token_chars) return std::nullopt;
  const auto bytes = parse_base32(token);
  if (!bytes || bytes->size() != token_bytes) return std::nullopt;
  const std::string_view all = *bytes;
  const auto block = all.substr(1, block_bytes);
  for (const token_key& key : keys_) {
    if (key.number != static_cast<std::uint8_t>(all[0])) continue;
    if (!equal_in_constant_time(mac(key, purpose, block), all.substr(1 + block_bytes)))
      return std::nullopt;
    const auto plain = aes128_block(std::string_view{key.secret}.substr(0, half_key), block, false);
    byte_reader r{plain};
    const recipient_id id{r.be64()};
    return r.be64() == 0 && id ? std::optional{id} : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace consentry::smtp
