#include "app/sign_up_template.h"

#include <algorithm>
#include <array>

#include "base/secret.h"
#include "base/text.h"
#include "smtp/mime/header_text.h"

namespace consentry::app {
namespace {

constexpr std::size_t name_bytes_max = 60, name_words_max = 5, code_bytes_max = 64;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}
bool is_word(char c) {
  return is_letter(c) || is_digit(c) || c == '-' || c == '_';
}
bool ends_link(char c) {
  return is_space(c) || c == '"' || c == '\'' || c == '<' || c == '>' || c == ')' || c == ']' ||
         c == '`';
}

// The name in To, in words; none where it does not look like a name: it could be an advertisement.
std::vector<std::string> names_in_to(const smtp::mime::walked_message& mail) {
  std::vector<std::string> out;
  const auto* to = mail.header("To");
  if (to == nullptr) return out;
  bool ok = false;
  const auto list = smtp::mime::parse_address_list(to->raw, ok);
  if (!ok || list.size() != 1) return out;
  const auto& name = list.front().display_name;
  const bool fits =
      !name.empty() && name.size() <= name_bytes_max && std::ranges::all_of(name, [](char c) {
        return is_letter(c) || c == ' ' || c == '.' || c == '\'' || c == '-';
      });
  if (!fits) return out;
  for (const auto word : split(name, ' '))
    if (word.size() >= 2) out.emplace_back(word);
  if (out.size() > name_words_max) out.clear();
  return out;
}

// Scheme and host, lower case; what loads by itself keeps its path.
std::size_t take_link(std::string_view in, std::size_t at, std::string& out) {
  auto end = at;
  while (end < in.size() && !ends_link(in[end])) ++end;
  const auto link = in.substr(at, end - at);
  const auto host_end = link.find_first_of("/?#", link.find("://") + 3);
  out += ascii_lower(link.substr(0, host_end));
  if (host_end != std::string_view::npos) {
    const auto path = link.substr(host_end, link.find_first_of("?#", host_end) - host_end);
    constexpr std::array<std::string_view, 7> loaded{".png", ".jpg",  ".jpeg", ".gif",
                                                     ".svg", ".webp", ".css"};
    const auto lower = ascii_lower(path);
    if (std::ranges::any_of(loaded, [&](std::string_view e) { return lower.ends_with(e); }))
      out += path;
  }
  return end;
}

// One run of word characters: an address's local part, a code, a name, or just a word.
std::size_t take_word(std::string_view in, std::size_t at, const std::vector<std::string>& names,
                      std::string& out) {
  auto end = at;
  while (end < in.size() && is_word(in[end])) ++end;
  auto local = end;
  while (local < in.size() && (is_word(in[local]) || in[local] == '.' || in[local] == '+')) ++local;
  if (local + 1 < in.size() && in[local] == '@' && is_word(in[local + 1])) {
    auto domain = local + 1;
    while (domain < in.size() && (is_word(in[domain]) || in[domain] == '.')) ++domain;
    while (in[domain - 1] == '.') --domain;
    out += '@';
    return domain;
  }
  const auto word = in.substr(at, end - at);
  if (std::ranges::find(names, word) != names.end()) {
    // Several words of a name are one name.
    if (!out.ends_with("~ "))
      out += '~';
    else
      out.pop_back();
  } else if (word.size() <= code_bytes_max && std::ranges::any_of(word, is_digit)) {
    out += '#';
  } else {
    out += word;
  }
  return end;
}

std::string normalized(std::string_view text, const std::vector<std::string>& names) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto rest = text.substr(at);
    if (ascii_istarts_with(rest.substr(0, 8), "https://") ||
        ascii_istarts_with(rest.substr(0, 7), "http://")) {
      at = take_link(text, at, out);
    } else if (is_word(text[at])) {
      at = take_word(text, at, names, out);
    } else if (is_space(text[at])) {
      if (!out.empty() && !is_space(out.back())) out += ' ';
      ++at;
    } else {
      out += text[at++];
    }
  }
  return std::string{trim(out)};
}

}  // namespace

std::string normalized_template(const smtp::mime::walked_message& mail) {
  const auto names = names_in_to(mail);
  const auto* subject = mail.header("Subject");
  std::string out = "Subject: ";
  if (subject != nullptr) out += normalized(subject->text, names);
  out += '\n';
  for (const auto& p : mail.parts) {
    if (p.is_container) continue;
    out += p.path + " " + p.type + "\n";
    if (p.type.starts_with("text/"))
      out += normalized(p.text, names) + "\n";
    else
      out += hex(as_bytes(sha256(p.body))) + "\n";
  }
  return out;
}

std::string template_hash(const smtp::mime::walked_message& mail) {
  return std::string{as_bytes(sha256(normalized_template(mail)))};
}

}  // namespace consentry::app
