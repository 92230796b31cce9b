#include "smtp/server/received.h"

#include <algorithm>

#include "base/civil_date.h"
#include "base/text.h"

namespace consentry::smtp::server {

std::string with_keyword(const session_info& session, const envelope& e) {
  if (!session.esmtp) return "SMTP";
  std::string word = e.smtputf8 ? "UTF8SMTP" : "ESMTP";
  if (!session.tls.empty()) word += 'S';
  if (session.who) word += 'A';
  return word;
}

std::string received_field(const session_info& session, const envelope& e,
                           std::string_view our_name, std::string_view message_id_text,
                           instant at) {
  const bool v6 = session.remote_ip.find(':') != std::string::npos;
  std::string field = "Received: from ";
  field += session.ehlo_name.empty() ? "unknown" : session.ehlo_name;
  field += v6 ? " ([IPv6:" : " ([";
  field += session.remote_ip;
  field += "])\r\n\tby ";
  field += our_name;
  field += " with " + with_keyword(session, e);
  if (!session.tls.empty()) field += " (" + session.tls + ")";
  field += "\r\n\tid ";
  field += message_id_text;
  field += "; " + to_rfc5322(at) + "\r\n";
  return field;
}

std::size_t received_count(std::string_view message) {
  constexpr std::string_view name = "received";
  std::size_t count = 0;
  while (!message.empty()) {
    const auto end = message.find("\r\n");
    auto line = message.substr(0, end);
    if (line.empty()) break;  // the header is over
    message.remove_prefix(end == std::string_view::npos ? message.size() : end + 2);
    if (!ascii_istarts_with(line, name)) continue;
    line.remove_prefix(name.size());
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.starts_with(':')) ++count;
  }
  return count;
}

}  // namespace consentry::smtp::server
