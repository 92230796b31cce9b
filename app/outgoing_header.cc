#include "app/outgoing_header.h"

#include <algorithm>

#include "base/civil_date.h"
#include "base/text.h"

namespace consentry::app {
namespace {

struct field {
  std::string_view name;
  std::string_view whole;  // name to CRLF, folds included
  std::string_view value() const { return whole.substr(whole.find(':') + 1); }
};

// RFC 5322 section 2.2: printable ASCII; blanks before the colon are obsolete (section 4.5).
bool is_field_name(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

// Calls f(field) for each field; returns where the header ends (at the empty line, or at what is no
// field). Reads as smtp/mime does: what was judged and what is sent must be one message, so what
// the walk passes over (an mbox line, folds and colons of no field) is dropped.
template <class F>
std::size_t each_field(std::string_view data, F f) {
  std::size_t at = 0;
  while (at < data.size() && data.substr(at, 2) != "\r\n") {
    const auto line_end = std::min(data.find("\r\n", at), data.size());
    auto end = std::min(line_end + 2, data.size());
    while (end < data.size() && (data[end] == ' ' || data[end] == '\t')) {
      const auto fold = data.find("\r\n", end);
      end = fold == std::string_view::npos ? data.size() : fold + 2;
    }
    const auto line = data.substr(at, line_end - at);
    auto name = line.substr(0, line.find(':'));
    while (name.ends_with(' ') || name.ends_with('\t')) name.remove_suffix(1);
    const bool is_passed_over = line[0] == ' ' || line[0] == '\t' || line[0] == ':';
    if (!is_passed_over && line.find(':') != std::string_view::npos && is_field_name(name))
      f(field{name, data.substr(at, end - at)});
    else if (!is_passed_over &&
             (at != 0 || !(line.starts_with("From ") || line.starts_with(">From "))))
      break;
    at = end;
  }
  return at;
}

// The authserv-id that an Authentication-Results field begins with: a word or a quoted string,
// after any blanks, folds and nested comments (RFC 8601 section 2.2).
std::string authserv_id(std::string_view value) {
  std::string out;
  std::size_t depth = 0;
  bool is_quoted = false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    char c = value[i];
    const bool is_escaped = c == '\\' && (is_quoted || depth > 0) && i + 1 < value.size();
    if (is_escaped) c = value[++i];
    if (depth > 0) {
      if (!is_escaped && c == '(') ++depth;
      if (!is_escaped && c == ')') --depth;
    } else if (is_quoted) {
      if (!is_escaped && c == '"') break;
      out += c;
    } else if (c == '"' && out.empty()) {
      is_quoted = true;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '(') {
      if (!out.empty()) break;
      if (c == '(') ++depth;
    } else if (c == ';') {
      break;
    } else {
      out += c;
    }
  }
  return out;
}

// Authentication-Results of other hosts may stay: only those in our own name would be believed (RFC
// 8601 section 5).
bool is_clients_claim(const field& f, std::string_view own_name) {
  for (const std::string_view exact : {"Return-Path", "Feedback-ID", "List-Unsubscribe-Post"})
    if (ascii_iequals(f.name, exact)) return true;
  if (ascii_iequals(f.name, "Authentication-Results"))
    return ascii_iequals(authserv_id(f.value()), own_name);
  return ascii_istarts_with(f.name, "ARC-") || ascii_istarts_with(f.name, "CFBL-");
}

std::string unfolded(std::string_view value) {
  std::string out;
  for (const char c : value)
    if (c != '\r' && c != '\n') out += c == '\t' ? ' ' : c;
  return std::string{trim(out)};
}

}  // namespace

std::string header_value(std::string_view data, std::string_view name) {
  std::string out;
  each_field(data, [&](const field& f) {
    if (ascii_iequals(f.name, name)) out = unfolded(f.value());
  });
  return out;
}

rewritten_message rewrite_header(std::string_view data, const header_additions& add,
                                 bool keeps_list_unsubscribe) {
  rewritten_message out;
  out.data.reserve(data.size() + 512);
  out.data += add.received;
  bool has_date = false;
  const auto body = each_field(data, [&](const field& f) {
    if (ascii_istarts_with(f.name, "X-Consentry-") || ascii_iequals(f.name, "Bcc")) return;
    if (is_clients_claim(f, add.own_name) ||
        (!keeps_list_unsubscribe && ascii_iequals(f.name, "List-Unsubscribe"))) {
      out.stripped.emplace_back(f.name);
      return;
    }
    if (ascii_iequals(f.name, "Message-ID")) out.message_id = unfolded(f.value());
    if (ascii_iequals(f.name, "Date")) has_date = true;
    out.data += f.whole;
  });
  if (!has_date) out.data += "Date: " + to_rfc5322(add.now) + "\r\n";
  if (out.message_id.empty()) {
    out.message_id = "<" + add.message_id_left + "@" + add.message_id_right + ">";
    out.data += "Message-ID: " + out.message_id + "\r\n";
  }
  // A header that breaks off without its empty line must not swallow the body.
  if (data.substr(body, 2) != "\r\n") out.data += "\r\n";
  out.data += data.substr(body);
  return out;
}

}  // namespace consentry::app
