// The opaque id in Message-ID, return path and unsubscribe links (RULES C1): the recipient's
// number, enciphered, with a MAC that has a purpose of its own. Nothing personal can be read from
// it; it survives lower-casing and stands in a local part.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/secret.h"

namespace consentry::smtp {

// The place a token stands in; a token made for one place is not taken in another.
enum class token_purpose : std::uint8_t {
  return_path = 1,   // VERP: b-<token>@bounce.domain
  message_id = 2,    // <token@domain>
  unsubscribe = 3,   // https://.../u/<token>
  feedback = 4,      // CFBL-Feedback-ID
  preferences = 5,   // https://.../p/<token>
  confirmation = 6,  // https://.../c/<token>: the number is a sign-up's, not a recipient's
};

struct token_key {
  std::uint8_t number =
      0;  // stands in the token in clear; old numbers stay valid while tokens may come back
  std::string secret;  // 32 bytes: 16 for the cipher, 16 for the MAC
};

// Immutable once made; any thread.
class token_ring {
 public:
  // The last key makes new tokens; all of them read. CHECKs sizes and distinct numbers.
  explicit token_ring(std::vector<token_key> keys);

  // 40 characters of lower-case base 32.
  std::string make(recipient_id id, token_purpose purpose) const;
  // nullopt: not a token, unknown key, wrong MAC or another purpose. Ignores case.
  std::optional<recipient_id> read(std::string_view token, token_purpose purpose) const;

 private:
  std::vector<token_key> keys_;
};

}  // namespace consentry::smtp
