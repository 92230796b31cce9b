#include "queue/seven_bit.h"

#include "base/text.h"
#include "queue/header_fields.h"
#include "queue/seven_bit_header.h"
#include "smtp/mime/header_text.h"

namespace consentry::queue {
namespace {

constexpr unsigned depth_max = 20;
constexpr std::size_t line_max = 76;

std::string base64_lines(std::string_view bytes) {
  const auto all = base64(bytes);
  std::string out;
  for (std::size_t i = 0; i < all.size(); i += line_max)
    out.append(all, i, line_max).append("\r\n");
  return out;
}

// The fields with another Content-Transfer-Encoding.
std::string relabelled(const split_message& m, std::string_view encoding) {
  std::string out;
  for (const auto& f : m.fields)
    if (!ascii_iequals(f.name, "Content-Transfer-Encoding")) out += f.whole;
  return out.append("Content-Transfer-Encoding: ").append(encoding).append("\r\n");
}

struct boundary_line {
  std::size_t begin = 0, end = 0;  // with the CRLF that follows
  bool closes = false;
};

// The next line that is a delimiter (RFC 2046 section 5.1.1), from an offset at the start of a
// line.
std::optional<boundary_line> find_boundary(std::string_view body, const std::string& dashed,
                                           std::size_t from) {
  for (auto at = from; at <= body.size();) {
    const auto eol = body.find("\r\n", at);
    const auto end = eol == std::string_view::npos ? body.size() : eol;
    const auto line = body.substr(at, end - at);
    if (line.starts_with(dashed)) {
      const auto rest = trim(line.substr(dashed.size()));
      if (rest.empty() || rest == "--")
        return boundary_line{at, std::min(end + 2, body.size()), rest == "--"};
    }
    if (eol == std::string_view::npos) return std::nullopt;
    at = eol + 2;
  }
  return std::nullopt;
}

// message: the one that is sent, its header is somebody else's care; part: of it; enclosed: a
// message in it, whose header nobody changes.
enum class entity_kind : std::uint8_t { message, part, enclosed };

std::optional<std::string> convert(std::string_view entity, unsigned depth, entity_kind kind);

std::optional<std::string> convert_multipart(std::string_view body, const std::string& boundary,
                                             unsigned depth) {
  const auto dashed = "--" + boundary;
  auto line = find_boundary(body, dashed, 0);
  if (boundary.empty() || !line || has_eight_bit(body.substr(0, line->begin))) return std::nullopt;
  std::string out{body.substr(0, line->end)};
  while (!line->closes) {
    const auto begin = line->end;
    line = find_boundary(body, dashed, begin);
    // Without a closing line the last part reaches to the end. The CRLF before a delimiter belongs
    // to it.
    const auto stop = line ? line->begin : body.size();
    const auto part = body.substr(begin, stop - begin);
    const bool has_end = line && part.ends_with("\r\n");
    auto converted =
        convert(part.substr(0, part.size() - (has_end ? 2 : 0)), depth + 1, entity_kind::part);
    if (!converted) return std::nullopt;
    out += *converted;
    if (!line) return out;
    if (has_end) out += "\r\n";
    out += body.substr(line->begin, line->end - line->begin);
  }
  if (has_eight_bit(body.substr(line->end))) return std::nullopt;
  return out.append(body.substr(line->end));
}

std::optional<std::string> convert_leaf(const split_message& m, std::string_view type) {
  const bool is_text = type.empty() || type.starts_with("text/");
  std::string out = relabelled(m, is_text ? "quoted-printable" : "base64");
  out += "\r\n";
  return out.append(is_text ? quoted_printable(m.body) : base64_lines(m.body));
}

// What a message needs so that its encoding means something (RFC 2045 section 4; RFC 1428 for
// unknown charsets).
std::string mime_fields(const split_message& m) {
  std::string out;
  if (!find_field(m.fields, "MIME-Version")) out += "MIME-Version: 1.0\r\n";
  if (!find_field(m.fields, "Content-Type"))
    out += is_valid_utf8(m.body) ? "Content-Type: text/plain; charset=utf-8\r\n"
                                 : "Content-Type: text/plain; charset=unknown-8bit\r\n";
  return out;
}

std::optional<std::string> convert(std::string_view entity, unsigned depth, entity_kind kind) {
  const auto m = split_header(entity);
  if (kind != entity_kind::message && has_eight_bit(m.header)) {
    const auto header = kind == entity_kind::part ? to_seven_bit_header(m.header) : std::nullopt;
    return header && depth <= depth_max
               ? convert(*header + "\r\n" + std::string{m.body}, depth, kind)
               : std::nullopt;
  }
  const bool is_message = kind == entity_kind::message;
  if (!has_eight_bit(m.body)) return std::string{entity};
  if (depth > depth_max) return std::nullopt;
  const auto* type_field = find_field(m.fields, "Content-Type");
  const auto [type, params] = type_field ? smtp::mime::parse_parameters(type_field->value())
                                         : decltype(smtp::mime::parse_parameters("")){};
  const auto* encoding = find_field(m.fields, "Content-Transfer-Encoding");
  const auto label = encoding ? ascii_lower(encoding->value()) : "";
  if (label != "" && label != "7bit" && label != "8bit" && label != "binary") return std::nullopt;
  if (type == "multipart/signed") return std::nullopt;
  const std::string extra = is_message ? mime_fields(m) : "";
  if (type.starts_with("multipart/")) {
    const auto boundary = params.find("boundary");
    auto body = convert_multipart(m.body, boundary == params.end() ? "" : boundary->second, depth);
    if (!body) return std::nullopt;
    return extra + (encoding ? relabelled(m, "7bit") : std::string{m.header}) + "\r\n" + *body;
  }
  if (type == "message/rfc822") {
    auto body = convert(m.body, depth + 1, entity_kind::enclosed);
    if (!body) return std::nullopt;
    return extra + (encoding ? relabelled(m, "7bit") : std::string{m.header}) + "\r\n" + *body;
  }
  if (type.starts_with("message/")) return std::nullopt;
  auto leaf = convert_leaf(m, type);
  return leaf ? std::optional{extra + *leaf} : std::nullopt;
}

}  // namespace

std::string quoted_printable(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "\r\n") {
      out += "\r\n";
      column = 0;
      ++i;
      continue;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = text.substr(i + 1);
    const bool ends_line = next.empty() || next.starts_with("\r\n");
    const bool plain =
        (c > 0x20 && c < 0x7f && c != '=') || ((c == ' ' || c == '\t') && !ends_line);
    const std::size_t width = plain ? 1 : 3;
    if (column + width > line_max - (ends_line ? 0 : 1)) {  // room for the soft break
      out += "=\r\n";
      column = 0;
    }
    if (plain) {
      out += static_cast<char>(c);
    } else {
      out += '=';
      out += digits[c >> 4];
      out += digits[c & 15];
    }
    column += width;
  }
  return out;
}

std::optional<std::string> to_seven_bit(std::string_view message) {
  return convert(message, 0, entity_kind::message);
}

}  // namespace consentry::queue
