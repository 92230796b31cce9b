#include "app/public/form_body.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"
#include "smtp/mime/header_text.h"

namespace consentry::app::public_pages {
namespace {

constexpr std::size_t boundary_bytes_max = 70;  // RFC 2046 section 5.1.1

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A broken escape stays as it stands, as browsers do.
std::string decoded(std::string_view s, bool plus_is_space) {
  std::string out;
  out.reserve(s.size());
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (s[i] == '%' && i + 2 < s.size() && hex_digit(s[i + 1]) >= 0 &&
               hex_digit(s[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2]));
      i += 2;
    } else {
      out += s[i];
    }
  }
  return out;
}

struct part_header {
  std::string name;
  bool is_field = false;  // false: a file
  bool is_sound = false;
};

part_header read_part_header(std::string_view block) {
  part_header out;
  std::string_view rest = block;
  while (!rest.empty()) {
    const auto end = std::min(rest.find("\r\n"), rest.size());
    const auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 2, rest.size()));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return {};
    const auto field = trim(line.substr(0, colon)), value = trim(line.substr(colon + 1));
    if (ascii_iequals(field, "content-transfer-encoding")) {
      // RFC 7578 section 4.7: not used any more; what would need decoding is refused.
      if (!ascii_iequals(value, "7bit") && !ascii_iequals(value, "8bit") &&
          !ascii_iequals(value, "binary"))
        return {};
    } else if (ascii_iequals(field, "content-disposition")) {
      const auto [kind, params] = smtp::mime::parse_parameters(value);
      const auto name = params.find("name");
      if (kind != "form-data" || name == params.end()) return {};
      // RFC 7578 section 2: browsers percent-encode quotes and line ends in names.
      out.name = decoded(name->second, false);
      out.is_field = !params.contains("filename");
      out.is_sound = true;
    }
  }
  return out;
}

// Behind a delimiter: "--" ends, else optional white space and CRLF begin a part. Gives where the
// part begins; npos: broken.
std::size_t part_begin(std::string_view body, std::size_t at) {
  while (at < body.size() && (body[at] == ' ' || body[at] == '\t')) ++at;
  return body.substr(at, 2) == "\r\n" ? at + 2 : std::string_view::npos;
}

bool read_json(const std::string& body, form_fields& out) {
  boost::system::error_code error;
  boost::json::parse_options options;
  options.max_depth = 4;
  const auto value = boost::json::parse(body, error, {}, options);
  if (error || !value.is_object()) return false;
  for (const auto& m : value.as_object()) {
    const std::string name{m.key().data(), m.key().size()};
    if (m.value().is_string())
      out.emplace_back(name, std::string{m.value().as_string()});
    else if (m.value().is_bool() && m.value().as_bool())
      out.emplace_back(name, "yes");
    else if (!m.value().is_bool() && !m.value().is_null())
      return false;
  }
  return true;
}

}  // namespace

bool read_urlencoded(std::string_view body, form_fields& out) {
  for (const auto pair : split(body, '&')) {
    if (pair.empty()) continue;
    if (out.size() == form_body::fields_max) return false;
    const auto equals = std::min(pair.find('='), pair.size());
    out.emplace_back(decoded(pair.substr(0, equals), true),
                     decoded(pair.substr(std::min(equals + 1, pair.size())), true));
  }
  return true;
}

bool read_multipart(std::string_view body, std::string_view content_type, form_fields& out) {
  const auto [type, params] = smtp::mime::parse_parameters(content_type);
  const auto boundary = params.find("boundary");
  if (boundary == params.end() || boundary->second.empty() ||
      boundary->second.size() > boundary_bytes_max)
    return false;
  const auto first = "--" + boundary->second, next = "\r\n" + first;
  // A preamble may stand before the first delimiter (RFC 2046 section 5.1.1).
  std::size_t at = body.starts_with(first) ? first.size() : std::string_view::npos;
  if (at == std::string_view::npos) {
    at = body.find(next);
    if (at == std::string_view::npos) return false;
    at += next.size();
  }
  while (body.substr(at, 2) != "--") {
    const auto begin = part_begin(body, at);
    if (begin == std::string_view::npos) return false;
    const auto end = body.find(next, begin);
    if (end == std::string_view::npos) return false;
    const auto part = body.substr(begin, end - begin);
    // Content-Disposition is required, so a part without header is broken (RFC 7578 section 4.2).
    const auto blank = part.find("\r\n\r\n");
    if (blank == std::string_view::npos) return false;
    const auto header = read_part_header(part.substr(0, blank));
    if (!header.is_sound || out.size() == form_body::fields_max) return false;
    if (header.is_field) out.emplace_back(header.name, part.substr(blank + 4));
    at = end + next.size();
  }
  return true;
}

std::optional<form_body> form_body::read(const admin::request& r) {
  form_body out;
  bool ok = false;
  if (r.content_type.empty() || r.content_type == "application/x-www-form-urlencoded") {
    ok = read_urlencoded(r.body, out.fields_);
  } else if (r.content_type == "multipart/form-data") {
    const auto given = r.headers.find("content-type");
    ok = given != r.headers.end() && read_multipart(r.body, given->second, out.fields_);
  } else if (r.content_type == "application/json") {
    ok = read_json(r.body, out.fields_);
  }
  if (!ok || out.fields_.size() > fields_max) return std::nullopt;
  return out;
}

std::string form_body::first(std::string_view name) const {
  for (const auto& [n, value] : fields_)
    if (n == name) return value;
  return {};
}

std::vector<std::string> form_body::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [n, value] : fields_)
    if (n == name) out.push_back(value);
  return out;
}

bool form_body::has(std::string_view name) const {
  return std::ranges::any_of(fields_, [&](const auto& f) { return f.first == name; });
}

bool form_body::says(std::string_view name, std::string_view value) const {
  const auto found = all(name);
  return found.size() == 1 && found.front() == value;
}

}  // namespace consentry::app::public_pages
