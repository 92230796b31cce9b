#include "queue/queued_message.h"

#include "base/bytes.h"
#include "base/text.h"

namespace consentry::queue {
namespace {

constexpr std::uint8_t message_version = 2;    // 1 had no tls
constexpr std::uint8_t recipient_version = 2;  // 1 had no pool

[[noreturn]] void refuse_version(std::uint8_t found, const char* what) {
  throw decode_error(std::string{what} + " record of version " + std::to_string(found));
}

instant time_from(byte_reader& in) {
  return from_ms(in.zigzag());
}

constexpr std::uint8_t delay_told_bit = 16;

std::uint8_t pack(const smtp::dsn_notify& n, bool delay_told) {
  return static_cast<std::uint8_t>((n.never ? 1 : 0) | (n.success ? 2 : 0) | (n.failure ? 4 : 0) |
                                   (n.delay ? 8 : 0) | (delay_told ? delay_told_bit : 0));
}

smtp::dsn_notify unpack(std::uint8_t bits) {
  return {.never = (bits & 1) != 0,
          .success = (bits & 2) != 0,
          .failure = (bits & 4) != 0,
          .delay = (bits & 8) != 0};
}

void replace_address(std::string& text, std::string_view address) {
  if (address.empty()) return;
  constexpr std::string_view instead = "(recipient)";
  const auto wanted = ascii_lower(address);
  auto lower = ascii_lower(text);
  for (auto at = lower.find(wanted); at != std::string::npos;
       at = lower.find(wanted, at + instead.size())) {
    text.replace(at, wanted.size(), instead);
    lower.replace(at, wanted.size(), instead);
  }
}

}  // namespace

std::string without_address(std::string_view text, const queued_recipient& r) {
  std::string out{text};
  replace_address(out, r.address);
  // The form that was said to the server where the domain was not ASCII.
  const auto at = r.address.rfind('@');
  if (at != std::string::npos && !r.domain.empty())
    replace_address(out, r.address.substr(0, at + 1) + r.domain);
  // "user jane.doe unknown": what is too short to name anybody stays.
  constexpr std::size_t local_bytes_min = 6;
  if (at != std::string::npos && at >= local_bytes_min)
    replace_address(out, r.address.substr(0, at));
  return out;
}

std::string_view to_string(recipient_state s) noexcept {
  switch (s) {
    case recipient_state::queued:
      return "queued";
    case recipient_state::held:
      return "held";
    case recipient_state::delivered:
      return "delivered";
    case recipient_state::bounced:
      return "bounced";
    case recipient_state::cancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string encode(const queued_message& m) {
  byte_writer out;
  out.u8(message_version).varint(m.tenant.value).u8(static_cast<std::uint8_t>(m.stream));
  out.text(m.campaign).text(m.topic).text(m.credential);
  out.text(m.reverse_path).u8(static_cast<std::uint8_t>(m.ret)).text(m.envid);
  out.u8(static_cast<std::uint8_t>(m.body)).flag(m.smtputf8);
  out.text(m.sender_domain).text(m.original_message_id);
  out.zigzag(to_ms(m.accepted_at)).zigzag(to_ms(m.expires_at));
  out.text(m.policy_version).varint(m.standing_epoch);
  out.varint(m.body_at.segment).varint(m.body_at.offset).varint(m.body_at.length);
  out.be32(m.body_at.crc).flag(m.is_notice).varint(m.about.value);
  out.varint(m.recipients_total).varint(m.recipients_open).varint(m.recipients_held);
  out.zigzag(to_ms(m.finished_at)).u8(static_cast<std::uint8_t>(m.tls));
  return out.take();
}

queued_message decode_message(message_id id, std::string_view value) {
  byte_reader in{value};
  const auto version = in.u8();
  if (version == 0 || version > message_version) refuse_version(version, "message");
  queued_message m;
  m.id = id;
  m.tenant.value = static_cast<std::uint32_t>(in.varint());
  m.stream = static_cast<smtp::stream>(in.u8());
  m.campaign = in.text();
  m.topic = in.text();
  m.credential = in.text();
  m.reverse_path = in.text();
  m.ret = static_cast<smtp::dsn_return>(in.u8());
  m.envid = in.text();
  m.body = static_cast<smtp::body_type>(in.u8());
  m.smtputf8 = in.flag();
  m.sender_domain = in.text();
  m.original_message_id = in.text();
  m.accepted_at = time_from(in);
  m.expires_at = time_from(in);
  m.policy_version = in.text();
  m.standing_epoch = in.varint();
  m.body_at.segment = static_cast<std::uint32_t>(in.varint());
  m.body_at.offset = in.varint();
  m.body_at.length = static_cast<std::uint32_t>(in.varint());
  m.body_at.crc = in.be32();
  m.is_notice = in.flag();
  m.about.value = in.varint();
  m.recipients_total = static_cast<std::uint32_t>(in.varint());
  m.recipients_open = static_cast<std::uint32_t>(in.varint());
  m.recipients_held = static_cast<std::uint32_t>(in.varint());
  m.finished_at = time_from(in);
  if (version == 1) return m;
  const auto tls = in.u8();
  if (tls > static_cast<std::uint8_t>(smtp::tls_wish::waived))
    throw decode_error("message record of unknown tls");
  m.tls = static_cast<smtp::tls_wish>(tls);
  return m;
}

std::string encode(const queued_recipient& r) {
  byte_writer out;
  out.u8(recipient_version).varint(r.message.value);
  out.text(r.address).text(r.domain).text(r.person).u8(pack(r.notify, r.delay_told)).text(r.orcpt);
  out.u8(static_cast<std::uint8_t>(r.state)).varint(r.attempts);
  out.zigzag(to_ms(r.next_attempt_at)).zigzag(to_ms(r.changed_at));
  out.text(r.last_reply).text(r.last_host).text(r.reason).text(r.rule).text(r.pool);
  return out.take();
}

queued_recipient decode_recipient(recipient_id id, std::string_view value) {
  byte_reader in{value};
  const auto version = in.u8();
  if (version == 0 || version > recipient_version) refuse_version(version, "recipient");
  queued_recipient r;
  r.id = id;
  r.message.value = in.varint();
  r.address = in.text();
  r.domain = in.text();
  r.person = in.text();
  const auto told = in.u8();
  r.notify = unpack(told);
  r.delay_told = (told & delay_told_bit) != 0;
  r.orcpt = in.text();
  r.state = static_cast<recipient_state>(in.u8());
  if (r.state < recipient_state::queued || r.state > recipient_state::cancelled)
    throw decode_error("recipient record of unknown state");
  r.attempts = static_cast<std::uint32_t>(in.varint());
  r.next_attempt_at = time_from(in);
  r.changed_at = time_from(in);
  r.last_reply = in.text();
  r.last_host = in.text();
  r.reason = in.text();
  r.rule = in.text();
  if (version >= 2) r.pool = in.text();
  return r;
}

}  // namespace consentry::queue
