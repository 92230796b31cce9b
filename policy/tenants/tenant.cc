#include "policy/tenants/tenant.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/check.h"
#include "base/secret.h"
#include "base/text.h"
#include "smtp/address.h"

namespace consentry::policy::tenants {
namespace {

constexpr std::uint8_t version = 2;  // 1 lacks all from contact_confirmed_at on
constexpr std::size_t pseudonym_bytes = 16;

constexpr std::array states{tenant_state::pending, tenant_state::active, tenant_state::overdue,
                            tenant_state::suspended, tenant_state::terminated};

constexpr std::array reasons{termination_reason::over30_overdue, termination_reason::grave_breach,
                             termination_reason::reputation_harm, termination_reason::false_data,
                             termination_reason::by_tenant};

failure invalid(std::string text) {
  return {.kind = failure_kind::invalid, .permanent = true, .public_text = std::move(text)};
}

bool is_name(std::string_view s) noexcept {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  return s.size() >= 2 && s.size() <= 32 && lower(s[0]) && std::ranges::all_of(s, [&](char c) {
           return lower(c) || (c >= '0' && c <= '9') || c == '-';
         });
}

// One line that may stand in a message.
bool is_line(std::string_view s, std::size_t bytes_max) noexcept {
  return s.size() <= bytes_max && is_valid_utf8(s) &&
         std::ranges::none_of(s, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string short_hmac(std::string_view key, std::string_view bytes) {
  return std::string{as_bytes(hmac_sha256(key, bytes)).substr(0, pseudonym_bytes)};
}

}  // namespace

std::string_view to_string(tenant_state s) noexcept {
  switch (s) {
    case tenant_state::pending:
      return "pending";
    case tenant_state::active:
      return "active";
    case tenant_state::overdue:
      return "overdue";
    case tenant_state::suspended:
      return "suspended";
    case tenant_state::terminated:
      return "terminated";
  }
  return "unknown";
}

std::optional<tenant_state> parse_tenant_state(std::string_view name) noexcept {
  for (const auto s : states)
    if (to_string(s) == name) return s;
  return std::nullopt;
}

bool may_change(tenant_state from, tenant_state to) noexcept {
  if (from == tenant_state::pending && to == tenant_state::overdue) return false;
  return from != to && from != tenant_state::terminated && to != tenant_state::pending;
}

std::string_view to_string(termination_reason r) noexcept {
  switch (r) {
    case termination_reason::none:
      return "none";
    case termination_reason::over30_overdue:
      return "over30_overdue";
    case termination_reason::grave_breach:
      return "grave_breach";
    case termination_reason::reputation_harm:
      return "reputation_harm";
    case termination_reason::false_data:
      return "false_data";
    case termination_reason::by_tenant:
      return "by_tenant";
  }
  return "unknown";
}

std::optional<termination_reason> parse_termination_reason(std::string_view name) noexcept {
  for (const auto r : reasons)
    if (to_string(r) == name) return r;
  return std::nullopt;
}

std::string encode(const tenant& t) {
  return byte_writer{}
      .u8(version)
      .be32(t.id.value)
      .text(t.name)
      .text(t.legal_name)
      .text(t.contact)
      .text(t.postal_address)
      .u8(static_cast<std::uint8_t>(t.state))
      .zigzag(to_ms(t.created_at))
      .zigzag(to_ms(t.state_since))
      .text(t.pseudonym_key)
      .zigzag(to_ms(t.contact_confirmed_at))
      .text(t.contact_confirmed_by)
      .text(t.contact_token_hash)
      .zigzag(to_ms(t.contact_token_expires_at))
      .u8(static_cast<std::uint8_t>(t.ended_because))
      .take();
}

tenant decode_tenant(std::string_view bytes) {
  byte_reader in{bytes};
  const auto stored_as = in.u8();
  if (stored_as < 1 || stored_as > version) throw decode_error("tenant: unknown version");
  tenant t;
  t.id = {in.be32()};
  t.name = in.text();
  t.legal_name = in.text();
  t.contact = in.text();
  t.postal_address = in.text();
  t.state = static_cast<tenant_state>(in.u8());
  // A state that is not known must never pass for one that lets mail out.
  if (std::ranges::find(states, t.state) == states.end())
    throw decode_error("tenant: unknown state");
  t.created_at = from_ms(in.zigzag());
  t.state_since = from_ms(in.zigzag());
  t.pseudonym_key = in.text();
  if (stored_as == 1) {
    // Whoever was let in before links were sent was let in by a person.
    if (t.state != tenant_state::pending) {
      t.contact_confirmed_at = t.state_since;
      t.contact_confirmed_by = "operator";
    }
    if (t.state == tenant_state::terminated) t.ended_because = termination_reason::by_tenant;
  } else {
    t.contact_confirmed_at = from_ms(in.zigzag());
    t.contact_confirmed_by = in.text();
    t.contact_token_hash = in.text();
    t.contact_token_expires_at = from_ms(in.zigzag());
    t.ended_because = static_cast<termination_reason>(in.u8());
    if (to_string(t.ended_because) == "unknown") throw decode_error("tenant: unknown reason");
  }
  if (t.pseudonym_key.size() != 32 || !in.at_end()) throw decode_error("tenant: wrong size");
  return t;
}

result<void> validate(const tenant& t) {
  if (!is_name(t.name))
    return invalid("name: 2 to 32 characters of a-z, 0-9 and -, beginning with a letter");
  if (trim(t.legal_name).empty() || !is_line(t.legal_name, 200))
    return invalid("legal name: one line, at most 200 bytes, not empty");
  if (const auto contact = smtp::mailbox::parse(t.contact); !contact)
    return invalid("contact: " + contact.error().public_text);
  else if (contact->is_null())
    return invalid("contact: an address is needed");
  if (!is_line(t.postal_address, 400))
    return invalid("postal address: one line, at most 400 bytes");
  return {};
}

std::string_view to_string(overdue_allow a) noexcept {
  switch (a) {
    case overdue_allow::nothing:
      return "nothing";
    case overdue_allow::transactional:
      return "transactional";
    case overdue_allow::automation:
      return "automation";
  }
  return "unknown";
}

std::optional<overdue_allow> parse_overdue_allow(std::string_view name) noexcept {
  for (const auto a :
       {overdue_allow::nothing, overdue_allow::transactional, overdue_allow::automation})
    if (to_string(a) == name) return a;
  return std::nullopt;
}

stream_permission permits(tenant_state state, smtp::stream stream, overdue_allow overdue) noexcept {
  constexpr stream_permission yes{.allowed = true};
  switch (state) {
    case tenant_state::active:
      return yes;
    case tenant_state::overdue: {
      // How much has to be allowed for this stream; bulk is beyond all of it.
      int needed = 3;
      if (stream == smtp::stream::automation) needed = 2;
      if (stream == smtp::stream::transactional || stream == smtp::stream::doi) needed = 1;
      if (static_cast<int>(overdue) >= needed) return yes;
      return {false, "tenant.overdue", "A2.9",
              "this account is overdue; this kind of mail is stopped until it is settled"};
    }
    case tenant_state::suspended:
      return {false, "tenant.suspended", "A2.4", "this account is suspended"};
    case tenant_state::terminated:
      return {false, "tenant.terminated", "A2.12", "this account is closed"};
    case tenant_state::pending:
      break;
  }
  return {false, "tenant.inactive", "A2.1",
          "this account is not active yet: its contact address and sender domain are not verified"};
}

std::string pseudonym(const tenant& t, std::string_view address_key) {
  CONSENTRY_CHECK(t.pseudonym_key.size() == 32);
  return short_hmac(t.pseudonym_key, address_key);
}

std::string platform_pseudonym(std::string_view platform_key, std::string_view address_key) {
  CONSENTRY_CHECK(platform_key.size() == 32);
  return short_hmac(platform_key, address_key);
}

}  // namespace consentry::policy::tenants
