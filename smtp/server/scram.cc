#include "smtp/server/scram.h"

#include <algorithm>

#include "base/text.h"
#include "smtp/server/saslprep.h"

namespace consentry::smtp::server {
namespace {

constexpr std::size_t nonce_octets_max = 256;

// "x=value" -> value
std::optional<std::string_view> attribute(std::string_view field, char name) {
  if (field.size() < 2 || field[0] != name || field[1] != '=') return std::nullopt;
  return field.substr(2);
}

// saslname: "=2C" is a comma, "=3D" an equals sign, no other "=" may stand.
std::optional<std::string> unescape(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '=') {
      out += name[i];
      continue;
    }
    const auto code = name.substr(i + 1, 2);
    if (code == "2C")
      out += ',';
    else if (code == "3D")
      out += '=';
    else
      return std::nullopt;
    i += 2;
  }
  return out;
}

bool is_nonce(std::string_view s) {
  return !s.empty() && s.size() <= nonce_octets_max &&
         std::ranges::all_of(s, [](char c) { return c >= '!' && c <= '~' && c != ','; });
}

}  // namespace

std::optional<scram_client_first> parse_client_first(std::string_view message) {
  const auto fields = split(message, ',');
  // gs2-cbind-flag, authzid, user, nonce; then extensions, which may be ignored
  if (fields.size() < 4) return std::nullopt;
  if (fields[0] != "n" && fields[0] != "y") return std::nullopt;  // "p=": binding is not offered
  scram_client_first out;
  if (!fields[1].empty()) {
    const auto authzid = attribute(fields[1], 'a');
    if (!authzid) return std::nullopt;
    const auto plain = unescape(*authzid);
    if (!plain || plain->empty()) return std::nullopt;
    out.authzid = *plain;
  }
  const auto header = fields[0].size() + 1 + fields[1].size() + 1;
  out.gs2_header = std::string{message.substr(0, header)};
  out.bare = std::string{message.substr(header)};
  const auto name = attribute(fields[2], 'n');  // an "m=" here demands what we do not know
  const auto nonce = attribute(fields[3], 'r');
  if (!name || !nonce || !is_nonce(*nonce)) return std::nullopt;
  const auto plain = unescape(*name);
  const auto user = plain ? saslprep(*plain) : std::nullopt;
  if (!user || user->empty()) return std::nullopt;
  out.user = *user;
  out.nonce = std::string{*nonce};
  return out;
}

std::optional<scram_client_final> parse_client_final(std::string_view message) {
  const auto fields = split(message, ',');
  if (fields.size() < 3) return std::nullopt;
  const auto binding = attribute(fields[0], 'c');
  const auto nonce = attribute(fields[1], 'r');
  const auto proof = attribute(fields.back(), 'p');
  if (!binding || !nonce || !proof) return std::nullopt;
  const auto binding_octets = parse_base64(*binding);
  const auto proof_octets = parse_base64(*proof);
  if (!binding_octets || !proof_octets) return std::nullopt;
  const auto without_proof = message.substr(0, message.size() - fields.back().size() - 1);
  return scram_client_final{*binding_octets, std::string{*nonce}, std::string{without_proof},
                            *proof_octets};
}

digest256 scram_stored_key(std::string_view salted_password) {
  const auto client_key = hmac_sha256(salted_password, "Client Key");
  return sha256(as_bytes(client_key));
}

bool scram_proof_fits(const scram_keys& keys, std::string_view auth_message,
                      std::string_view proof) {
  const auto signature = hmac_sha256(keys.stored_key, auth_message);
  if (proof.size() != signature.size()) return false;
  std::string client_key{proof};
  for (std::size_t i = 0; i < client_key.size(); ++i)
    client_key[i] = static_cast<char>(client_key[i] ^ signature[i]);
  return equal_in_constant_time(as_bytes(sha256(client_key)), keys.stored_key);
}

}  // namespace consentry::smtp::server
