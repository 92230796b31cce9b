#include "app/public/page.h"

#include <fmt/format.h>

#include <charconv>

#include "app/public/style_sheet.h"
#include "base/text.h"

namespace consentry::app::public_pages {
namespace {

// q of one element of Accept-Language, in thousandths.
int weight_of(std::string_view parameters) {
  const auto q = parameters.find("q=");
  if (q == std::string_view::npos) return 1000;
  const auto text = trim(parameters.substr(q + 2));
  if (text.starts_with('1')) return 1000;
  int thousandths = 0, digit = 100;
  for (std::size_t i = 2; i < text.size() && i < 5 && text[i] >= '0' && text[i] <= '9'; ++i) {
    thousandths += (text[i] - '0') * digit;
    digit /= 10;
  }
  return thousandths;
}

std::string security_policy(const page& p) {
  std::string frames;
  for (const auto& o : p.frame_origins) frames += " " + o;
  return "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
         "frame-ancestors" +
         (frames.empty() ? std::string{" 'none'"} : frames);
}

}  // namespace

language preferred_language(std::string_view accept_language) {
  int hungarian = 0, english = 0;
  for (const auto element : split(accept_language.substr(0, 500), ',')) {
    const auto semicolon = std::min(element.find(';'), element.size());
    const auto tag = trim(element.substr(0, semicolon));
    const auto weight = weight_of(element.substr(semicolon));
    const auto primary = tag.substr(0, tag.find('-'));
    if (ascii_iequals(primary, "hu")) hungarian = std::max(hungarian, weight);
    // Who reads another language is more likely to read English than Hungarian.
    else if (!primary.empty() && primary != "*")
      english = std::max(english, weight);
  }
  return english > hungarian ? language::english : language::hungarian;
}

language language_named(std::string_view code) {
  return code == "en" ? language::english : language::hungarian;
}

std::string_view code_of(language l) noexcept {
  return l == language::english ? "en" : "hu";
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        // A control character has no place in HTML.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    }
  }
  return to_valid_utf8(out);
}

std::string paragraphs(std::string_view text) {
  std::string out;
  bool is_open = false;
  for (const auto line : split(text, '\n')) {
    if (trim(line).empty()) {
      if (std::exchange(is_open, false)) out += "</p>\n";
    } else {
      out += std::exchange(is_open, true) ? "<br>\n" : "<p>";
      out += escaped(line);
    }
  }
  if (is_open) out += "</p>\n";
  return out;
}

admin::response to_response(const page& p) {
  auto html = fmt::format(
      "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta name=\"robots\" content=\"noindex, nofollow\">\n<title>{}</title>\n"
      "<link rel=\"stylesheet\" href=\"../a/pages.css\">\n</head>\n<body>\n<main>\n<h1>{}</h1>\n{}"
      "</main>\n",
      code_of(p.speaks), escaped(p.title), escaped(p.title), p.content);
  if (!p.footer.empty()) html += "<footer>" + paragraphs(p.footer) + "</footer>\n";
  html += "</body>\n</html>\n";
  admin::response out{
      .status = p.status, .content_type = "text/html; charset=utf-8", .body = std::move(html)};
  out.headers = {{"Content-Security-Policy", security_policy(p)},
                 {"Content-Language", std::string{code_of(p.speaks)}},
                 {"Vary", "Accept-Language"},
                 // The address of the page is a key: it must not travel on.
                 {"Referrer-Policy", "no-referrer"},
                 {"X-Content-Type-Options", "nosniff"},
                 {"Cross-Origin-Opener-Policy", "same-origin"},
                 {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
                 {"Strict-Transport-Security", "max-age=31536000"}};
  if (p.frame_origins.empty()) out.headers.emplace_back("X-Frame-Options", "DENY");
  return out;
}

admin::response short_page(int status, language speaks, std::string_view title,
                           std::string_view text) {
  return to_response({.status = status,
                      .speaks = speaks,
                      .title = std::string{title},
                      .content = "<p>" + escaped(text) + "</p>\n"});
}

admin::response style_sheet() {
  admin::response out{.content_type = "text/css; charset=utf-8",
                      .body = std::string{style_sheet_text}};
  out.headers = {{"Cache-Control", "public, max-age=3600"}, {"X-Content-Type-Options", "nosniff"}};
  return out;
}

}  // namespace consentry::app::public_pages
