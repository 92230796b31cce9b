#include "smtp/client/mail_commands.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace consentry::smtp::client {

std::optional<std::string> wire_address(const mailbox& address, bool smtputf8) {
  if (smtputf8 || address.is_ascii()) return address.text();
  if (!is_ascii(address.local())) return std::nullopt;
  return address.local() + '@' + address.ascii_domain();
}

std::string xtext(std::string_view s) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (char c : s) {
    const auto u = static_cast<unsigned char>(c);
    if (u >= 33 && u <= 126 && c != '+' && c != '=') {
      out += c;
    } else {
      out += {'+', digits[u >> 4], digits[u & 15]};
    }
  }
  return out;
}

std::string mail_command(const envelope& e, const capabilities& offers, std::uint64_t bytes) {
  const auto from = wire_address(e.reverse_path, offers.smtputf8);
  CONSENTRY_CHECK(from);
  std::string s = "MAIL FROM:<" + *from + '>';
  if (offers.size) s += " SIZE=" + std::to_string(bytes);
  if (offers.eight_bit_mime && e.body == body_type::eight_bit) s += " BODY=8BITMIME";
  const auto is_wide = [](const envelope_recipient& r) { return !r.address.is_ascii(); };
  const bool needs_utf8 = e.smtputf8 || !e.reverse_path.is_ascii() ||
                          std::any_of(e.recipients.begin(), e.recipients.end(), is_wide);
  if (offers.smtputf8 && needs_utf8) s += " SMTPUTF8";
  if (e.require_tls && offers.require_tls) s += " REQUIRETLS";
  if (offers.dsn) {
    if (e.ret == dsn_return::full) s += " RET=FULL";
    if (e.ret == dsn_return::headers) s += " RET=HDRS";
    if (!e.envid.empty()) s += " ENVID=" + xtext(e.envid);
  }
  return s + "\r\n";
}

std::string recipient_command(const envelope_recipient& r, const capabilities& offers) {
  const auto to = wire_address(r.address, offers.smtputf8);
  CONSENTRY_CHECK(to);
  std::string s = "RCPT TO:<" + *to + '>';
  if (offers.dsn && r.notify.given()) {
    std::string when;
    const auto add = [&when](bool wanted, std::string_view name) {
      if (wanted) when += (when.empty() ? "" : ",") + std::string{name};
    };
    add(r.notify.success, "SUCCESS");
    add(r.notify.failure, "FAILURE");
    add(r.notify.delay, "DELAY");
    s += " NOTIFY=" + (r.notify.never ? std::string{"NEVER"} : when);
  }
  // What is not ASCII would need the forms of RFC 6533; the recipient's own address serves as well
  // then.
  const auto type_end = r.orcpt.find(';');
  if (offers.dsn && type_end != std::string::npos && is_ascii(r.orcpt))
    s += " ORCPT=" + r.orcpt.substr(0, type_end + 1) +
         xtext(std::string_view{r.orcpt}.substr(type_end + 1));
  return s + "\r\n";
}

}  // namespace consentry::smtp::client
