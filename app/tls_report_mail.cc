#include "app/tls_report_mail.h"

#include "base/secret.h"
#include "base/text.h"
#include "queue/mail_date.h"

namespace consentry::app {
namespace {

std::string base64_lines(const std::string& bytes) {
  constexpr std::size_t line_bytes = 76;
  const auto text = base64(bytes);
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += line_bytes)
    out += text.substr(at, line_bytes) + "\r\n";
  return out;
}

}  // namespace

std::optional<smtp::mailbox> mailto_address(std::string_view uri) {
  constexpr std::string_view scheme = "mailto:";
  if (!ascii_istarts_with(uri, scheme)) return std::nullopt;
  const auto address = uri.substr(scheme.size());
  // Escapes and header fields of RFC 6068: no report address has needed them yet.
  if (address.find_first_of("%?!") != std::string_view::npos) return std::nullopt;
  auto parsed = smtp::mailbox::parse(std::string{address});
  if (!parsed) return std::nullopt;
  return std::move(*parsed);
}

std::string tls_report_mail(const smtp::security::report_head& head, const smtp::mailbox& from,
                            const smtp::mailbox& to, const std::string& submitter,
                            const std::string& packed, instant now) {
  const auto boundary = "=_tlsrpt_" + hex(as_bytes(sha256(head.report_id))).substr(0, 24);
  const auto file = smtp::security::report_file_name(head, submitter);
  std::string out = "From: <" + from.text() + ">\r\nTo: <" + to.text() + ">\r\n";
  out += "Subject: Report Domain: " + head.domain + "\r\n Submitter: " + submitter +
         "\r\n Report-ID: <" + head.report_id + ">\r\n";
  out += "Date: " + queue::mail_date(now) + "\r\n";
  out += "Message-ID: <" + base32(random_bytes(15)) + "@" + submitter + ">\r\n";
  out += "TLS-Report-Domain: " + head.domain + "\r\nTLS-Report-Submitter: " + submitter + "\r\n";
  // Section 3: it has to arrive where TLS is what does not work.
  out += "TLS-Required: No\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n";
  out += "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"" + boundary +
         "\"\r\n\r\n";
  out += "--" + boundary + "\r\nContent-Type: text/plain; charset=us-ascii\r\n" +
         "Content-Transfer-Encoding: 7bit\r\n\r\n" + "This is an aggregate TLS report from " +
         submitter + " about mail for\r\n" + head.domain + " (RFC 8460).\r\n";
  out += "--" + boundary + "\r\nContent-Type: application/tlsrpt+gzip\r\n" +
         "Content-Transfer-Encoding: base64\r\n" + "Content-Disposition: attachment;\r\n" +
         " filename=\"" + file + "\"\r\n\r\n" + base64_lines(packed);
  return out + "--" + boundary + "--\r\n";
}

}  // namespace consentry::app
