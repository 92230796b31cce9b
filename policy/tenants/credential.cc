#include "policy/tenants/credential.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"

namespace consentry::policy::tenants {
namespace {

constexpr std::uint8_t version = 1;

bool is_user_name(std::string_view s) noexcept {
  return !s.empty() && s.size() <= 64 && std::ranges::all_of(s, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"._@+-"}.find(c) != std::string_view::npos;
  });
}

bool is_label(std::string_view s) noexcept {
  return s.size() <= 64 && is_valid_utf8(s) &&
         std::ranges::none_of(s, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

failure invalid(std::string text) {
  return {.kind = failure_kind::invalid, .permanent = true, .public_text = std::move(text)};
}

}  // namespace

std::string encode(const credential& c) {
  return byte_writer{}
      .u8(version)
      .be32(c.tenant.value)
      .u8(static_cast<std::uint8_t>(c.stream))
      .text(c.campaign)
      .text(c.topic)
      .flag(c.active)
      .zigzag(to_ms(c.created_at))
      .text(c.scram.salt)
      .varint(static_cast<std::uint64_t>(c.scram.iterations))
      .text(c.scram.stored_key)
      .text(c.scram.server_key)
      .take();
}

credential decode_credential(std::string_view user, std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("credential: unknown version");
  credential c;
  c.user = user;
  c.tenant = {in.be32()};
  c.stream = static_cast<smtp::stream>(in.u8());
  if (to_string(c.stream) == "unknown") throw decode_error("credential: unknown stream");
  c.campaign = in.text();
  c.topic = in.text();
  c.active = in.flag();
  c.created_at = from_ms(in.zigzag());
  c.scram.salt = in.text();
  c.scram.iterations = static_cast<int>(in.varint());
  c.scram.stored_key = in.text();
  c.scram.server_key = in.text();
  if (!in.at_end()) throw decode_error("credential: bytes behind it");
  return c;
}

result<void> validate(const scram_secret& s) {
  // RFC 7677 section 4 wants at least 4096; the upper bound keeps a login from costing seconds.
  if (s.iterations < 4096 || s.iterations > 1'000'000)
    return invalid("scram: 4096 to 1000000 iterations");
  if (s.salt.size() < 8 || s.salt.size() > 64) return invalid("scram: a salt of 8 to 64 bytes");
  if (s.stored_key.size() != 32 || s.server_key.size() != 32)
    return invalid("scram: keys of 32 bytes");
  return {};
}

result<void> validate(const credential& c) {
  if (!is_user_name(c.user))
    return invalid("user: 1 to 64 characters of A-Z, a-z, 0-9, and . _ @ + -");
  if (to_string(c.stream) == "unknown") return invalid("stream: unknown");
  if (!is_label(c.campaign)) return invalid("campaign: one line, at most 64 bytes");
  if (!is_label(c.topic)) return invalid("topic: one line, at most 64 bytes");
  return validate(c.scram);
}

}  // namespace consentry::policy::tenants
