#include "app/own_mail.h"

#include <algorithm>

#include "base/check.h"
#include "base/secret.h"
#include "base/text.h"
#include "queue/mail_date.h"
#include "queue/seven_bit.h"

namespace consentry::app {
namespace {

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (const auto line : split(text, '\n')) {
    out += line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
    out += "\r\n";
  }
  return out;
}

// A display name as a phrase: encoded words, or a quoted string.
std::string phrase(std::string_view name) {
  if (!is_ascii(name)) return encoded_header_text(name);
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out += c;
  }
  return out + "\"";
}

std::string composed(const own_mail& m, const std::string& host_name, instant now) {
  std::string out = "From: ";
  if (!m.from_name.empty()) out += phrase(m.from_name) + " ";
  out += "<" + m.from.text() + ">\r\nTo: <" + m.to.text() + ">\r\n";
  out += "Subject: " + encoded_header_text(m.subject) + "\r\n";
  out += "Date: " + queue::mail_date(now) + "\r\n";
  out += "Message-ID: <" + base32(random_bytes(15)) + "@" + host_name + ">\r\n";
  // RFC 3834 section 5: so that no responder answers.
  out += "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n";
  out += "Content-Type: text/plain; charset=utf-8\r\n";
  const auto body = with_crlf(m.text);
  if (is_ascii(body)) return out + "Content-Transfer-Encoding: 7bit\r\n\r\n" + body;
  return out + "Content-Transfer-Encoding: quoted-printable\r\n\r\n" +
         queue::quoted_printable(body);
}

}  // namespace

std::string encoded_header_text(std::string_view utf8) {
  if (is_ascii(utf8)) return std::string{utf8};
  // 45 bytes make a word of 72; a character is never cut in two (RFC 2047 section 5).
  constexpr std::size_t word_bytes = 45;
  std::string out;
  while (!utf8.empty()) {
    auto length = std::min(word_bytes, utf8.size());
    while (length < utf8.size() && (static_cast<unsigned char>(utf8[length]) & 0xC0) == 0x80)
      --length;
    if (!out.empty()) out += "\r\n ";
    out += "=?utf-8?B?" + base64(utf8.substr(0, length)) + "?=";
    utf8.remove_prefix(length);
  }
  return out;
}

result<spooled_own_mail> spool_own_mail(queue::spool& bodies, const own_mail& m,
                                        const std::string& host_name, instant now,
                                        instant expires_at) {
  CONSENTRY_CHECK(is_valid_utf8(m.subject) && is_valid_utf8(m.text) && is_valid_utf8(m.from_name));
  CONSENTRY_CHECK(m.subject.find_first_of("\r\n") == std::string::npos);
  return spool_composed(bodies, m, composed(m, host_name, now), now, expires_at);
}

result<spooled_own_mail> spool_composed(queue::spool& bodies, const own_mail& m,
                                        const std::string& data, instant now, instant expires_at) {
  auto body = bodies.append(data);
  if (!body) return body.error();
  spooled_own_mail out{.body = std::move(*body), .about = m.about};
  auto& q = out.message;
  q.tenant = m.tenant;
  q.stream = m.stream;
  q.topic = m.topic;
  q.reverse_path = m.is_notice ? std::string{} : m.from.text();
  q.smtputf8 = !m.to.is_ascii() || !m.from.is_ascii();
  q.sender_domain = m.from.ascii_domain();
  q.accepted_at = now;
  q.expires_at = expires_at;
  q.is_notice = m.is_notice;
  q.tls = m.tls;
  q.body_at = out.body.location;
  auto& r = out.recipient;
  r.address = m.to.text();
  r.domain = m.to.ascii_domain();
  r.person = m.person;
  r.notify.never = true;
  r.next_attempt_at = now;
  r.changed_at = now;
  return out;
}

message_id queue_own_mail(write_txn& txn, store_rooms& rooms, const spooled_own_mail& m,
                          const std::string& actor) {
  auto message = m.message;
  message.standing_epoch = rooms.blocker.standing_of(txn, message.tenant).epoch;
  const auto id = rooms.queue.accept(txn, message, {&m.recipient, 1});
  journal::event e;
  e.kind = journal::event_kind::notice_sent;
  e.at = message.accepted_at;
  e.tenant = message.tenant;
  e.message = id;
  e.recipient = recipient_id{id.value + 1};
  e.stream = message.stream;
  e.person = m.recipient.person;
  e.topic = message.topic;
  e.actor = actor;
  e.facts["for"] = m.about;
  rooms.journal.append(txn, e);
  return id;
}

}  // namespace consentry::app
