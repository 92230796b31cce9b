#include "reputation/suppression.h"

#include <algorithm>

#include "base/bytes.h"

namespace consentry::reputation {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::string_view by_tenant = "tenant:";

int weight(const suppression& s) {
  switch (s.reason) {
    case suppression_reason::hard_bounce:
      return 1;
    case suppression_reason::manual:
      return is_tenants_own(s) ? 2 : 5;
    case suppression_reason::withdrawn:
      return 3;
    case suppression_reason::unsubscribe:
      return 4;
    case suppression_reason::complaint:
      return 6;
  }
  return 5;
}

}  // namespace

std::string_view to_string(suppression_reason r) noexcept {
  switch (r) {
    case suppression_reason::hard_bounce:
      return "hard_bounce";
    case suppression_reason::manual:
      return "manual";
    case suppression_reason::withdrawn:
      return "withdrawn";
    case suppression_reason::unsubscribe:
      return "unsubscribe";
    case suppression_reason::complaint:
      return "complaint";
  }
  return "unknown";
}

std::optional<suppression_reason> parse_suppression_reason(std::string_view name) noexcept {
  for (const auto r :
       {suppression_reason::hard_bounce, suppression_reason::manual, suppression_reason::withdrawn,
        suppression_reason::unsubscribe, suppression_reason::complaint})
    if (to_string(r) == name) return r;
  return std::nullopt;
}

std::string encode(const suppression& s) {
  byte_writer w;
  w.u8(version)
      .u8(static_cast<std::uint8_t>(s.reason))
      .text(s.source)
      .zigzag(to_ms(s.at))
      .varint(s.message.value)
      .varint(s.recipient.value)
      .text(s.campaign)
      .flag(s.expires_at.has_value());
  if (s.expires_at) w.zigzag(to_ms(*s.expires_at));
  return w.take();
}

suppression decode_suppression(std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("suppression: unknown version");
  suppression s;
  s.reason = static_cast<suppression_reason>(in.u8());
  s.source = in.text();
  s.at = from_ms(in.zigzag());
  s.message = {in.varint()};
  s.recipient = {in.varint()};
  s.campaign = in.text();
  if (in.flag()) s.expires_at = from_ms(in.zigzag());
  if (!in.at_end()) throw decode_error("suppression: bytes behind it");
  return s;
}

bool is_in_force(const suppression& s, instant now) noexcept {
  return !s.expires_at || now < *s.expires_at;
}

bool is_tenants_own(const suppression& s) noexcept {
  return s.source.starts_with(by_tenant);
}

bool is_lifted_by_consent(suppression_reason r) noexcept {
  return r == suppression_reason::unsubscribe || r == suppression_reason::withdrawn;
}

suppression merge(const suppression& a, const suppression& b) {
  auto out = weight(b) > weight(a) ? b : a;
  if (is_lifted_by_consent(out.reason))
    for (const auto* s : {&a, &b})
      if (is_lifted_by_consent(s->reason)) out.at = std::max(out.at, s->at);
  if (!a.expires_at || !b.expires_at)
    out.expires_at.reset();
  else
    out.expires_at = std::max(*a.expires_at, *b.expires_at);
  return out;
}

}  // namespace consentry::reputation
