#include "smtp/server/envelope_arguments.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

#include "base/text.h"

namespace consentry::smtp::server {
namespace {

constexpr std::size_t envid_octets_max = 100;  // RFC 3461 section 4.4
constexpr std::size_t orcpt_octets_max = 500;  // RFC 3461 section 4.2

using refusal = std::optional<reply>;

reply bad_value(std::string_view keyword) {
  return {501, {5, 5, 4}, "bad value of " + std::string{keyword}};
}

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_printable_ascii(std::string_view s) {
  return std::ranges::all_of(s, [](char c) { return c >= ' ' && c <= '~'; });
}

struct parameter {
  std::string_view keyword;
  std::optional<std::string_view> value;
};

// Splits at spaces and checks the form (RFC 5321 section 4.1.2, esmtp-param), and that none comes
// twice.
parsed<std::vector<parameter>> split_parameters(std::string_view text) {
  std::vector<parameter> all;
  for (const auto word : split(text, ' ')) {
    if (word.empty()) continue;
    const auto equals = word.find('=');
    parameter p{word.substr(0, equals), std::nullopt};
    if (equals != std::string_view::npos) p.value = word.substr(equals + 1);
    const bool keyword_ok =
        !p.keyword.empty() && p.keyword.front() != '-' &&
        std::ranges::all_of(p.keyword, [](char c) { return is_alnum(c) || c == '-'; });
    const bool value_ok =
        !p.value || (!p.value->empty() && std::ranges::all_of(*p.value, [](unsigned char c) {
          return c > ' ' && c != 0x7f && c != '=';
        }));
    if (!keyword_ok || !value_ok) return reply{501, {5, 5, 4}, "bad parameter syntax"};
    for (const auto& other : all)
      if (ascii_iequals(other.keyword, p.keyword))
        return reply{501, {5, 5, 4}, "parameter given twice"};
    all.push_back(p);
  }
  return all;
}

struct path_and_parameters {
  std::string_view path;  // between the angle brackets
  std::vector<parameter> parameters;
};

// Where the '>' stands that closes the path; npos: nowhere.
std::size_t end_of_path(std::string_view path) {
  bool quoted = false;
  for (std::size_t at = 1; at < path.size(); ++at) {
    const char c = path[at];
    if (quoted && c == '\\')
      ++at;
    else if (c == '"')
      quoted = !quoted;
    else if (c == '>' && !quoted)
      return at;
  }
  return std::string_view::npos;
}

// prefix: "FROM:" or "TO:". Spaces behind the colon are let pass, since many clients send one; so
// is a plain address without its brackets, as Postfix does.
parsed<path_and_parameters> split_argument(std::string_view argument, std::string_view prefix,
                                           bool extended) {
  const reply syntax{501, {5, 5, 4}, "syntax: " + std::string{prefix} + "<address>"};
  if (!ascii_istarts_with(argument, prefix)) return syntax;
  argument.remove_prefix(prefix.size());
  while (!argument.empty() && argument.front() == ' ') argument.remove_prefix(1);
  if (argument.empty()) return syntax;

  path_and_parameters out;
  std::string_view rest;
  if (argument.front() == '<') {
    const auto end = end_of_path(argument);
    if (end == std::string_view::npos) return syntax;
    out.path = argument.substr(1, end - 1);
    rest = argument.substr(end + 1);
  } else {
    out.path = argument.substr(0, argument.find(' '));
    if (out.path.find_first_of("<>\"") != std::string_view::npos ||
        out.path.find('@') == std::string_view::npos)
      return syntax;
    rest = argument.substr(out.path.size());
  }
  if (rest.empty()) return out;
  if (rest.front() != ' ') return syntax;
  auto parameters = split_parameters(rest);
  if (!parameters) return parameters.error();
  if (!extended && !parameters->empty())
    return reply{555, {5, 5, 4}, "parameters are taken after EHLO only"};
  out.parameters = std::move(*parameters);
  return out;
}

refusal set_size(const parameter& p, envelope& e) {
  const auto digits = *p.value;
  if (digits.size() > 20 ||
      !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }))
    return bad_value("SIZE");
  std::uint64_t size = 0;
  const auto parse = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  e.declared_size = parse.ec == std::errc{} ? size : std::numeric_limits<std::uint64_t>::max();
  return std::nullopt;
}

refusal set_body(const parameter& p, envelope& e) {
  if (ascii_iequals(*p.value, "8BITMIME"))
    e.body = body_type::eight_bit;
  else if (!ascii_iequals(*p.value, "7BIT"))
    return reply{555, {5, 5, 4}, "BODY is 7BIT or 8BITMIME here"};  // BINARYMIME is not offered
  return std::nullopt;
}

refusal set_ret(const parameter& p, envelope& e) {
  if (ascii_iequals(*p.value, "FULL"))
    e.ret = dsn_return::full;
  else if (ascii_iequals(*p.value, "HDRS"))
    e.ret = dsn_return::headers;
  else
    return bad_value("RET");
  return std::nullopt;
}

refusal set_envid(const parameter& p, envelope& e) {
  auto envid = decode_xtext(*p.value);
  if (!envid || p.value->size() > envid_octets_max || !is_printable_ascii(*envid))
    return bad_value("ENVID");
  e.envid = std::move(*envid);
  return std::nullopt;
}

// RFC 4954 section 5. We trust no client to name another submitter, so a well-formed value is
// dropped.
refusal check_auth(const parameter& p) {
  const auto text = decode_xtext(*p.value);
  if (!text || (*text != "<>" && !mailbox::parse(*text))) return bad_value("AUTH");
  return std::nullopt;
}

refusal set_mail_parameter(const parameter& p, envelope& e) {
  if (ascii_iequals(p.keyword, "SMTPUTF8")) {
    if (p.value) return bad_value("SMTPUTF8");
    e.smtputf8 = true;
    return std::nullopt;
  }
  if (ascii_iequals(p.keyword, "REQUIRETLS")) {  // RFC 8689 section 2
    if (p.value) return bad_value("REQUIRETLS");
    e.require_tls = true;
    return std::nullopt;
  }
  using setter = refusal (*)(const parameter&, envelope&);
  setter set = nullptr;
  if (ascii_iequals(p.keyword, "SIZE")) set = set_size;
  if (ascii_iequals(p.keyword, "BODY")) set = set_body;
  if (ascii_iequals(p.keyword, "RET")) set = set_ret;
  if (ascii_iequals(p.keyword, "ENVID")) set = set_envid;
  if (ascii_iequals(p.keyword, "AUTH"))
    set = [](const parameter& given, envelope&) { return check_auth(given); };
  if (set == nullptr) return reply{555, {5, 5, 4}, "unknown parameter of MAIL"};
  if (!p.value) return bad_value(p.keyword);
  return set(p, e);
}

refusal set_notify(std::string_view value, envelope_recipient& r) {
  for (const auto word : split(value, ',')) {
    bool dsn_notify::* flag = nullptr;
    if (ascii_iequals(word, "NEVER")) flag = &dsn_notify::never;
    if (ascii_iequals(word, "SUCCESS")) flag = &dsn_notify::success;
    if (ascii_iequals(word, "FAILURE")) flag = &dsn_notify::failure;
    if (ascii_iequals(word, "DELAY")) flag = &dsn_notify::delay;
    if (flag == nullptr || r.notify.*flag) return bad_value("NOTIFY");
    r.notify.*flag = true;
  }
  const auto& n = r.notify;
  if (n.never && (n.success || n.failure || n.delay)) return bad_value("NOTIFY");
  return std::nullopt;
}

refusal set_orcpt(std::string_view value, envelope_recipient& r) {
  const auto semicolon = value.find(';');
  if (value.size() > orcpt_octets_max || semicolon == 0 || semicolon == std::string_view::npos)
    return bad_value("ORCPT");
  const auto type = value.substr(0, semicolon);
  const auto address = value.substr(semicolon + 1);
  if (!std::ranges::all_of(type, [](char c) { return is_alnum(c) || c == '-'; }))
    return bad_value("ORCPT");
  if (ascii_iequals(
          type,
          "utf-8")) {  // RFC 6533 section 3 has an escape of its own; it is passed on as it came
    if (!is_valid_utf8(address)) return bad_value("ORCPT");
    r.orcpt = std::string{value};
    return std::nullopt;
  }
  const auto decoded = decode_xtext(address);
  if (!decoded || decoded->empty() || !is_printable_ascii(*decoded)) return bad_value("ORCPT");
  r.orcpt = std::string{type} + ";" + *decoded;
  return std::nullopt;
}

refusal set_rcpt_parameter(const parameter& p, envelope_recipient& r) {
  const bool notify = ascii_iequals(p.keyword, "NOTIFY");
  if (!notify && !ascii_iequals(p.keyword, "ORCPT"))
    return reply{555, {5, 5, 4}, "unknown parameter of RCPT"};
  if (!p.value) return bad_value(p.keyword);
  return notify ? set_notify(*p.value, r) : set_orcpt(*p.value, r);
}

refusal refuse_utf8(const mailbox& address, bool smtputf8) {
  if (smtputf8 || address.is_ascii()) return std::nullopt;
  return reply{553, {5, 6, 7}, "a non-ASCII address needs SMTPUTF8"};  // RFC 6531 section 3.5
}

}  // namespace

std::optional<std::string> decode_xtext(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c < '!' || c > '~' || c == '=') return std::nullopt;
    if (c != '+') {
      out += c;
      continue;
    }
    const auto digits = text.substr(i + 1, 2);
    const auto is_upper_hex = [](char d) {
      return (d >= '0' && d <= '9') || (d >= 'A' && d <= 'F');
    };
    if (digits.size() != 2 || !std::ranges::all_of(digits, is_upper_hex)) return std::nullopt;
    out += *parse_hex(digits);
    i += 2;
  }
  return out;
}

parsed<envelope> parse_mail(std::string_view argument, bool extended) {
  auto parts = split_argument(argument, "FROM:", extended);
  if (!parts) return parts.error();
  envelope e;
  for (const auto& p : parts->parameters)
    if (auto no = set_mail_parameter(p, e)) return *no;
  if (parts->path.empty()) return e;  // the null reverse path
  auto address = mailbox::parse(parts->path);
  if (!address) return reply{501, {5, 1, 7}, "bad sender address: " + address.error().public_text};
  if (auto no = refuse_utf8(*address, e.smtputf8)) return *no;
  e.reverse_path = std::move(*address);
  return e;
}

parsed<envelope_recipient> parse_rcpt(std::string_view argument, bool extended, bool smtputf8,
                                      std::string_view our_domain) {
  auto parts = split_argument(argument, "TO:", extended);
  if (!parts) return parts.error();
  envelope_recipient r;
  for (const auto& p : parts->parameters)
    if (auto no = set_rcpt_parameter(p, r)) return *no;
  std::string path{parts->path};
  if (path.empty()) return reply{501, {5, 1, 3}, "a recipient is needed"};
  if (ascii_iequals(path, "postmaster")) path += "@" + std::string{our_domain};
  auto address = mailbox::parse(path);
  if (!address)
    return reply{501, {5, 1, 3}, "bad recipient address: " + address.error().public_text};
  if (auto no = refuse_utf8(*address, smtputf8)) return *no;
  r.address = std::move(*address);
  return r;
}

}  // namespace consentry::smtp::server
