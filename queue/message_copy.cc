#include "queue/message_copy.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "queue/header_fields.h"
#include "queue/mail_date.h"
#include "queue/seven_bit.h"
#include "queue/seven_bit_header.h"
#include "smtp/mime/header_text.h"

namespace consentry::queue {
namespace {

using smtp::token_purpose;

bool is_list_mail(const queued_message& m) {
  return !m.is_notice && (m.stream == smtp::stream::bulk || m.stream == smtp::stream::automation);
}

bool rewrites_message_id(const queued_message& m, message_id_rewrite rule) {
  if (m.is_notice || rule == message_id_rewrite::none) return false;
  return rule == message_id_rewrite::all || m.stream == smtp::stream::bulk;
}

// Never sent on: blind copies (RFC 5322 section 3.6.3), trace fields that only a final delivery
// writes, and our own commands; where reports go is ours to say (RULES A6 H8).
bool is_dropped(std::string_view name) {
  constexpr std::array<std::string_view, 3> always{"bcc", "resent-bcc", "return-path"};
  return std::any_of(always.begin(), always.end(),
                     [&](std::string_view n) { return ascii_iequals(n, name); }) ||
         ascii_istarts_with(name, "x-consentry-") || ascii_istarts_with(name, "cfbl-");
}

// Where ours must be the only one (RFC 8058 section 3.1, RULES B "Feedback-ID").
bool is_replaced_in_lists(std::string_view name) {
  constexpr std::array<std::string_view, 3> ours{"list-unsubscribe", "list-unsubscribe-post",
                                                 "feedback-id"};
  return std::any_of(ours.begin(), ours.end(),
                     [&](std::string_view n) { return ascii_iequals(n, name); });
}

// Letters, digits, dot, dash and underline; anything else becomes a dash, at most 50 octets.
std::string label(std::string_view text, std::string_view if_empty) {
  std::string out = ascii_lower(text.substr(0, 50));
  for (char& c : out)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_')) c = '-';
  return out.empty() ? std::string{if_empty} : out;
}

// RFC 2919 wants dot-atoms.
std::string list_label(std::string_view topic) {
  std::string out = label(topic, "list");
  std::replace(out.begin(), out.end(), '.', '-');
  return out;
}

std::string list_fields(const copy_settings& s, const smtp::token_ring& tokens,
                        const queued_message& m, recipient_id r, const shared_content& content) {
  const auto token = tokens.make(r, token_purpose::unsubscribe);
  const auto mail = "<mailto:u-" + token + "@" + s.bounce_domain + "?subject=unsubscribe>";
  std::string out = "List-Unsubscribe: ";
  if (s.unsubscribe_url.empty()) {
    out += mail + "\r\n";
  } else {
    out += "<" + s.unsubscribe_url + token + ">,\r\n " + mail + "\r\n";
    out += "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
  }
  if (!content.has_list_id)
    out += "List-Id: <" + list_label(m.topic) + ".t" + std::to_string(m.tenant.value) + "." +
           m.sender_domain + ">\r\n";
  out += "Feedback-ID: " + label(m.campaign, "none") + ":" +
         std::string{smtp::to_string(m.stream)} + ":t" + std::to_string(m.tenant.value) + ":" +
         s.feedback_sender_id + "\r\n";
  return out;
}

// RFC 9477 section 3.1: a reporter takes the address from a message only if a signature of the From
// domain covers it and, where the address lies neither there nor below, one of its own domain too.
// So without these keys it is not offered. The id stays: it names the mail in any report.
std::string feedback_fields(const copy_settings& s, const smtp::token_ring& tokens,
                            const queued_message& m, recipient_id r, bool is_signed_by_sender,
                            bool is_signed_by_gateway) {
  std::string out;
  if (!s.feedback_address.empty() && is_signed_by_sender &&
      (is_signed_by_gateway || s.gateway_domain == m.sender_domain ||
       s.gateway_domain.ends_with("." + m.sender_domain)))
    out += "CFBL-Address: " + s.feedback_address + "; report=arf\r\n";
  out += "CFBL-Feedback-ID: " + tokens.make(r, token_purpose::feedback) + "\r\n";
  return out;
}

// Of the domain itself, else of the nearest one above it that has some: a tenant sends from the
// domains below its own too, and such a signature aligns (RFC 7489 section 3.1.1).
const smtp::auth::key_ring::keys& nearest_keys(const smtp::auth::key_ring& ring,
                                               std::string_view domain) {
  for (;;) {
    const auto& found = ring.of(domain);
    const auto dot = domain.find('.');
    if (!found.empty() || dot == std::string_view::npos) return found;
    domain.remove_prefix(dot + 1);
  }
}

// What verifiers read in different ways is not sent on (docs/decisions/dkim-signing.md): white
// space before the colon, obsolete (RFC 5322 section 4.5) and with a tab no field to libopendkim;
// form feed and vertical tab, white space to libopendkim and not to RFC 6376.
void add_field(std::string& header, const raw_field& f) {
  const auto colon = f.whole.find(':');
  const bool is_plain = f.name.empty() || f.whole.find_first_of(" \t") > colon;
  if (!is_plain) header.append(f.name);
  const auto begin = header.size();
  header += is_plain ? f.whole : f.whole.substr(colon);
  if (f.name.empty() || f.whole.find_first_of("\v\f") == std::string_view::npos) return;
  std::replace_if(
      header.begin() + static_cast<std::ptrdiff_t>(header.find(':', begin)), header.end(),
      [](char c) { return c == '\v' || c == '\f'; }, ' ');
}

// What the text of the message says it is written in.
std::string charset_of(const std::vector<raw_field>& fields) {
  const auto* type = find_field(fields, "Content-Type");
  if (type == nullptr) return {};
  auto [kind, parameters] = smtp::mime::parse_parameters(type->value());
  return parameters["charset"];
}

constexpr std::size_t own_fields_about = 850;

}  // namespace

std::shared_ptr<const shared_content> make_shared_content(const queued_message& m,
                                                          std::string_view data,
                                                          message_id_rewrite rewrite) {
  auto out = std::make_shared<shared_content>();
  std::string converted;
  if (has_eight_bit(split_header(data).body)) {
    auto seven = to_seven_bit(data);
    out->eight_bit_body = !seven;
    if (seven) {
      converted = std::move(*seven);
      data = converted;
    }
  }
  const auto parts = split_header(data);
  const bool is_list = is_list_mail(m);
  const bool own_id = rewrites_message_id(m, rewrite);
  out->header.reserve(parts.header.size());
  for (const auto& f : parts.fields) {
    const bool is_id = ascii_iequals(f.name, "message-id");
    if (is_dropped(f.name) || (is_list && is_replaced_in_lists(f.name)) || (is_id && own_id))
      continue;
    out->has_message_id |= is_id;
    out->has_date |= ascii_iequals(f.name, "date");
    out->has_list_id |= ascii_iequals(f.name, "list-id");
    add_field(out->header, f);
  }
  if (!out->header.empty() && !out->header.ends_with("\r\n")) out->header += "\r\n";
  out->body = parts.body;
  // What is sent ends with CRLF (RFC 5321 section 4.1.1.4); so must what is hashed.
  if (!out->body.empty() && !out->body.ends_with("\r\n")) out->body += "\r\n";
  if (has_eight_bit(out->header))
    if (auto seven = to_seven_bit_header(out->header, charset_of(parts.fields)))
      out->header = std::move(*seven);
  out->eight_bit_header = has_eight_bit(out->header);
  out->body_hash = smtp::auth::relaxed_body_hash(out->body);
  return out;
}

std::string return_path(const copy_settings& s, const smtp::token_ring& tokens,
                        const queued_message& m, recipient_id r) {
  if (m.is_notice) return {};
  return "b-" + tokens.make(r, token_purpose::return_path) + "@" + s.bounce_domain;
}

std::string copy_header(const copy_settings& s, const smtp::token_ring& tokens,
                        const smtp::auth::key_ring& keys, const queued_message& m, recipient_id r,
                        const shared_content& content, instant now) {
  std::string header;
  header.reserve(content.header.size() + own_fields_about);
  if (!content.has_message_id)
    header += "Message-ID: <" + tokens.make(r, token_purpose::message_id) + "@" + m.sender_domain +
              ">\r\n";
  if (!content.has_date) header += "Date: " + mail_date(m.accepted_at) + "\r\n";
  const auto& own = nearest_keys(keys, m.sender_domain);
  const auto& gateway = keys.of(s.gateway_domain);
  if (is_list_mail(m)) header += list_fields(s, tokens, m, r, content);
  if (!m.is_notice) header += feedback_fields(s, tokens, m, r, !own.empty(), !gateway.empty());
  header += content.header;

  static const auto options = smtp::auth::dkim_options::standard();
  std::string signatures;
  if (!own.empty() || !gateway.empty()) {
    const smtp::auth::dkim_header all{header, content.body_hash, now, options};
    for (const auto& key : own) signatures += all.signature_field(*key);
    if (&gateway != &own)
      for (const auto& key : gateway) signatures += all.signature_field(*key);
  }
  return signatures + header + "\r\n";
}

}  // namespace consentry::queue
