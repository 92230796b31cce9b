#include "queue/bounce_notice.h"

#include <algorithm>

#include "base/secret.h"
#include "base/text.h"
#include "queue/header_fields.h"
#include "queue/mail_date.h"

namespace consentry::queue {
namespace {

constexpr std::size_t wrap_at = 76;
constexpr std::size_t field_bytes_max = 900;  // of one DSN field; RFC 5322 allows lines of 998

bool is_wanted(const notice_recipient& r) {
  if (r.notify.never) return false;
  switch (r.action) {
    case notice_action::failed:
      return r.notify.wants_failure();
    case notice_action::delayed:
      return r.notify.wants_delay();
    case notice_action::relayed:
      break;
  }
  return r.notify.wants_success();
}

smtp::enhanced_code status_of(const notice_recipient& r) {
  if (r.code) return r.code;
  return r.action == notice_action::failed    ? smtp::enhanced_code{5, 0, 0}
         : r.action == notice_action::delayed ? smtp::enhanced_code{4, 0, 0}
                                              : smtp::enhanced_code{2, 0, 0};
}

// One line, no controls; 8-bit stays only where utf8 says that the notice may hold it.
std::string one_line(std::string_view text, bool utf8) {
  std::string out;
  for (const char c : text.substr(0, field_bytes_max)) {
    const auto u = static_cast<unsigned char>(c);
    if (u >= 0x80)
      out += utf8 ? c : '?';
    else
      out += u < 0x20 || u == 0x7f ? ' ' : c;
  }
  return utf8 ? to_valid_utf8(out) : out;
}

// Indented and broken at spaces.
std::string wrapped(std::string_view text, std::string_view indent) {
  std::string out, line{indent};
  for (const auto word : split(text, ' ')) {
    if (word.empty()) continue;
    if (line.size() > indent.size() && line.size() + 1 + word.size() > wrap_at) {
      out += line + "\r\n";
      line = indent;
    }
    if (line.size() > indent.size()) line += ' ';
    line += word;
  }
  return line.size() > indent.size() ? out + line + "\r\n" : out;
}

struct notice_writer {
  const notice_settings& s;
  const queued_message& original;
  const std::vector<notice_recipient>& recipients;
  std::string_view original_data;
  instant now;
  std::string boundary;
  std::string unique;
  bool utf8 = false;                           // an address needs SMTPUTF8: RFC 6533 forms
  notice_action what = notice_action::failed;  // the worst of them

  std::string header(bool eight_bit) const;
  std::string human_text() const;
  std::string until() const;
  std::string person_lines(const notice_recipient& r) const;
  std::string status_fields() const;
  std::string recipient_fields(const notice_recipient& r) const;
  std::string returned_mail() const;
  std::string whole() const;
};

std::string notice_writer::header(bool eight_bit) const {
  const auto domain = s.host_name;
  std::string out;
  out += "Date: " + mail_date(now) + "\r\n";
  out += "From: " + s.from_name + " <" + s.from + ">\r\n";
  out += "To: <" + original.reverse_path + ">\r\n";
  out += what == notice_action::failed    ? "Subject: Your message was not delivered\r\n"
         : what == notice_action::delayed ? "Subject: Your message is delayed\r\n"
                                          : "Subject: Your message was delivered\r\n";
  out += "Message-ID: <dsn." + unique + "@" + domain + ">\r\n";
  if (!original.original_message_id.empty()) {
    const auto id = one_line(original.original_message_id, false);
    out += "In-Reply-To: " + id + "\r\nReferences: " + id + "\r\n";
  }
  out += "Auto-Submitted: auto-replied\r\n";  // RFC 3834 section 5
  out += "MIME-Version: 1.0\r\n";
  out += "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"" + boundary +
         "\"\r\n";
  if (eight_bit) out += "Content-Transfer-Encoding: 8bit\r\n";
  return out + "\r\n";
}

std::string notice_writer::person_lines(const notice_recipient& r) const {
  std::string out = "  " + one_line(r.address, utf8) + "\r\n";
  if (!r.text.empty()) out += wrapped(one_line(r.text, utf8), "    ");
  std::string code = "    Code: " + smtp::to_string(status_of(r));
  if (!r.reason.empty()) code += "   Reason: " + one_line(r.reason, false);
  out += code + "\r\n";
  if (!r.remote_reply.empty()) {
    const auto host =
        r.remote_host.empty() ? std::string{"the next server"} : one_line(r.remote_host, utf8);
    out += wrapped("Answer of " + host + ": " + one_line(r.remote_reply, utf8), "    ");
  }
  return out + "\r\n";
}

std::string notice_writer::until() const {
  const auto last = recipients.front().will_retry_until;
  return last == instant{} ? std::string{} : " until " + mail_date(last);
}

std::string notice_writer::human_text() const {
  std::string out = "This is the mail system at " + s.host_name + ".\r\n\r\n";
  if (what == notice_action::failed) {
    out += wrapped(recipients.size() == 1 ? "Your message could not be delivered to the recipient "
                                            "below. It will not be tried again."
                                          : "Your message could not be delivered to the recipients "
                                            "below. It will not be tried again.",
                   "");
  } else if (what == notice_action::delayed) {
    out += wrapped(
        "Your message could not be delivered to the recipient below yet. It will be "
        "tried again" +
            until() + "; there is no need to send it once more.",
        "");
  } else {
    out += wrapped(
        "Your message was handed to the recipient's mail server, which does not report deliveries "
        "by "
        "itself. You asked for this confirmation.",
        "");
  }
  out += "\r\n";
  for (const auto& r : recipients) out += person_lines(r);
  if (!s.contact.empty()) out += "Questions? Write to " + s.contact + ".\r\n";
  return out;
}

// RFC 3464 section 2.3, in the order given there.
std::string notice_writer::recipient_fields(const notice_recipient& r) const {
  const bool is_utf8 = utf8 && !is_ascii(r.address);
  std::string out = "\r\n";
  if (!r.orcpt.empty()) out += "Original-Recipient: " + one_line(r.orcpt, utf8) + "\r\n";
  out += std::string{"Final-Recipient: "} + (is_utf8 ? "utf-8; " : "rfc822; ") +
         one_line(r.address, utf8) + "\r\n";
  out += r.action == notice_action::failed    ? "Action: failed\r\n"
         : r.action == notice_action::delayed ? "Action: delayed\r\n"
                                              : "Action: relayed\r\n";
  out += "Status: " + smtp::to_string(status_of(r)) + "\r\n";
  if (!r.remote_host.empty()) out += "Remote-MTA: dns; " + one_line(r.remote_host, false) + "\r\n";
  if (!r.remote_reply.empty())
    out += "Diagnostic-Code: smtp; " + one_line(r.remote_reply, utf8) + "\r\n";
  else if (!r.text.empty())
    out += "Diagnostic-Code: x-consentry; " +
           one_line((r.reason.empty() ? "" : r.reason + ": ") + r.text, utf8) + "\r\n";
  if (r.last_attempt_at != instant{})
    out += "Last-Attempt-Date: " + mail_date(r.last_attempt_at) + "\r\n";
  if (r.will_retry_until != instant{})
    out += "Will-Retry-Until: " + mail_date(r.will_retry_until) + "\r\n";
  return out;
}

std::string notice_writer::status_fields() const {
  std::string out;
  if (!original.envid.empty())
    out += "Original-Envelope-Id: " + one_line(original.envid, false) + "\r\n";
  out += "Reporting-MTA: dns; " + s.host_name + "\r\n";
  if (original.accepted_at != instant{})
    out += "Arrival-Date: " + mail_date(original.accepted_at) + "\r\n";
  for (const auto& r : recipients) out += recipient_fields(r);
  return out;
}

// RFC 3461 section 4.3: the whole message only if asked for, and only for failures (section 6.2).
std::string notice_writer::returned_mail() const {
  const auto parts = split_header(original_data);
  // What was to travel under verified TLS alone does not come back by a way nobody knows (RFC 8689
  // section 5).
  const bool full = what == notice_action::failed && original.ret == smtp::dsn_return::full &&
                    original.tls != smtp::tls_wish::required &&
                    original_data.size() <= s.returned_bytes_max;
  std::string content{full ? original_data : parts.header.substr(0, s.returned_bytes_max)};
  if (!full && content.size() < parts.header.size())  // cut at a line's end
    content.resize(content.rfind("\r\n") == std::string::npos ? 0 : content.rfind("\r\n") + 2);
  const std::string type = full ? "message/rfc822" : "text/rfc822-headers";
  std::string out = "Content-Type: " + type + "\r\n";
  // message/rfc822 may not be encoded (RFC 2046 section 5.2.1), only labelled. The label holds for
  // the whole notice.
  if (has_eight_bit(content)) out += "Content-Transfer-Encoding: 8bit\r\n";
  out += "\r\n" + content;
  if (!out.ends_with("\r\n")) out += "\r\n";
  return out;
}

std::string notice_writer::whole() const {
  const auto delimiter = "--" + boundary + "\r\n";
  const auto text_type = utf8 ? std::string{"Content-Type: text/plain; charset=utf-8\r\n"
                                            "Content-Transfer-Encoding: 8bit\r\n"}
                              : std::string{"Content-Type: text/plain; charset=us-ascii\r\n"};
  const auto status_type = utf8 ? std::string{"Content-Type: message/global-delivery-status\r\n"}
                                : std::string{"Content-Type: message/delivery-status\r\n"};
  const auto body = delimiter + text_type + "\r\n" + human_text() + "\r\n" + delimiter +
                    status_type + "\r\n" + status_fields() + "\r\n" + delimiter + returned_mail() +
                    "\r\n--" + boundary + "--\r\n";
  return header(has_eight_bit(body)) + body;
}

std::string domain_of(std::string_view address) {
  const auto at = address.rfind('@');
  return at == std::string_view::npos ? std::string{} : ascii_lower(address.substr(at + 1));
}

}  // namespace

notice_recipient to_notice_recipient(const queued_recipient& r, const smtp::outcome& o, instant at,
                                     std::string_view reason, std::string_view text) {
  notice_recipient out;
  out.address = r.address;
  out.notify = r.notify;
  out.orcpt = r.orcpt;
  out.action = o.kind == smtp::outcome_kind::delivered  ? notice_action::relayed
               : o.kind == smtp::outcome_kind::deferred ? notice_action::delayed
                                                        : notice_action::failed;
  out.code = o.last_reply.enhanced;
  // Refused for good by a server, yet tried again (a rule's `retry`): the status is ours.
  if (out.action == notice_action::delayed && out.code) out.code.status_class = 4;
  // Given up after temporary refusals: the status says that it is final (RFC 3463
  // section 3.5: 4.4.7 as a failure).
  if (out.action == notice_action::failed && out.code.status_class == 4 && reason.empty())
    out.code.status_class = 5;
  out.reason = reason;
  out.text = text.empty() ? o.cause : std::string{text};
  if (o.last_reply.code != 0) out.remote_reply = smtp::to_string(o.last_reply);
  out.remote_host = o.remote_host;
  out.last_attempt_at = at;
  return out;
}

std::optional<bounce_notice> make_bounce_notice(const notice_settings& s,
                                                const queued_message& original,
                                                std::span<const notice_recipient> recipients,
                                                std::string_view original_data, instant now,
                                                instant expires_at,
                                                std::string_view boundary_seed) {
  if (original.reverse_path.empty() || original.is_notice) return std::nullopt;
  std::vector<notice_recipient> told;
  std::copy_if(recipients.begin(), recipients.end(), std::back_inserter(told), is_wanted);
  if (told.empty()) return std::nullopt;

  const auto unique = hex(as_bytes(sha256(boundary_seed))).substr(0, 32);
  notice_writer writer{.s = s,
                       .original = original,
                       .recipients = told,
                       .original_data = original_data,
                       .now = now,
                       .boundary = "=_dsn_" + unique,
                       .unique = unique};
  writer.utf8 =
      !is_ascii(original.reverse_path) ||
      std::any_of(told.begin(), told.end(), [](const auto& r) { return !is_ascii(r.address); });
  // In the order of the enumeration.
  writer.what = std::min_element(told.begin(), told.end(), [](const auto& a, const auto& b) {
                  return a.action < b.action;
                })->action;

  bounce_notice out;
  out.data = writer.whole();
  auto& m = out.message;
  m.tenant = original.tenant;
  m.stream = smtp::stream::transactional;
  m.credential = original.credential;
  m.smtputf8 = writer.utf8;
  m.body = has_eight_bit(out.data) ? smtp::body_type::eight_bit : smtp::body_type::seven_bit;
  m.sender_domain = domain_of(s.from);
  m.accepted_at = now;
  m.expires_at = expires_at;
  m.is_notice = true;
  m.about = original.id;
  auto& r = out.recipient;
  r.address = original.reverse_path;
  r.next_attempt_at = now;
  r.changed_at = now;
  r.notify.never = true;
  if (const auto domain = smtp::ascii_domain(domain_of(original.reverse_path))) r.domain = *domain;
  return out;
}

}  // namespace consentry::queue
