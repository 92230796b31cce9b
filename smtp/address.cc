#include "smtp/address.h"

#include <idn2.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>

#include <memory>
#include <optional>
#include <vector>

#include "base/text.h"

namespace consentry::smtp {
namespace {

// RFC 5321 section 4.5.3.1. A path holds 256 octets with its brackets, so a mailbox 254.
constexpr std::size_t mailbox_bytes_max = 254;
constexpr std::size_t local_bytes_max = 64;
constexpr std::size_t domain_bytes_max = 255;
// RFC 1035 section 2.3.4: 255 octets on the wire are 253 characters of text.
constexpr std::size_t dns_name_bytes_max = 253;
constexpr std::size_t label_bytes_max = 63;

failure wrong(std::string text) {
  return {failure_kind::invalid, true, failure_scope::recipient, std::move(text), {}};
}

bool is_digit(unsigned char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(unsigned char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_let_dig(unsigned char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// RFC 5322 section 3.2.3; RFC 6531 section 3.3 adds every non-ASCII character.
bool is_atext(unsigned char c) {
  return c >= 0x80 || is_let_dig(c) ||
         (c != 0 && std::string_view{"!#$%&'*+-/=?^_`{|}~"}.find(static_cast<char>(c)) !=
                        std::string_view::npos);
}

// Controls have no place in an address, nor have the separators some software takes for a line end.
// s is valid UTF-8.
bool has_control(std::string_view s) {
  const auto* p = reinterpret_cast<const std::uint8_t*>(s.data());
  for (std::int32_t i = 0, n = static_cast<std::int32_t>(s.size()); i < n;) {
    UChar32 c = 0;
    U8_NEXT(p, i, n, c);
    if (c < 0 || c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029) return true;
    if (U_IS_UNICODE_NONCHAR(c)) return true;
  }
  return false;
}

bool is_dot_atom(std::string_view s) {
  if (s.empty() || s.front() == '.' || s.back() == '.') return false;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '.' ? s[i - 1] == '.' : !is_atext(static_cast<unsigned char>(s[i]))) return false;
  }
  return true;
}

// The length of the quoted string at the start of s, both quotes included (Quoted-string of RFC
// 5321); 0: none or unclosed. A backslash may stand before printable ASCII only, which RFC 6531
// left as it was.
std::size_t quoted_length(std::string_view s) {
  for (std::size_t i = 1; i < s.size(); ++i) {
    const auto c = static_cast<unsigned char>(s[i]);
    if (c == '"') return i + 1;
    if (c != '\\') continue;
    ++i;
    if (i >= s.size() || s[i] < 0x20 || s[i] > 0x7e) return 0;
  }
  return 0;
}

// What stands inside the quotes, backslashes taken away.
std::string without_quotes(std::string_view quoted) {
  std::string s;
  quoted = quoted.substr(1, quoted.size() - 2);
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] == '\\') ++i;
    s += quoted[i];
  }
  return s;
}

std::string with_quotes(std::string_view content) {
  std::string s = "\"";
  for (char c : content) {
    if (c == '"' || c == '\\') s += '\\';
    s += c;
  }
  return s + '"';
}

bool is_ipv4(std::string_view s) {
  const auto parts = split(s, '.');
  if (parts.size() != 4) return false;
  for (auto p : parts) {
    if (p.empty() || p.size() > 3 || (p.size() > 1 && p[0] == '0')) return false;
    int n = 0;
    for (char c : p) {
      if (!is_digit(static_cast<unsigned char>(c))) return false;
      n = n * 10 + (c - '0');
    }
    if (n > 255) return false;
  }
  return true;
}

// How many 16-bit groups "a:b:c" holds, an IPv4 address at its end counting two; nullopt: wrong. ""
// holds none.
std::optional<int> group_count(std::string_view s, bool may_end_in_ipv4) {
  if (s.empty()) return 0;
  const auto groups = split(s, ':');
  int n = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto g = groups[i];
    if (may_end_in_ipv4 && i + 1 == groups.size() && is_ipv4(g)) return n + 2;
    if (g.empty() || g.size() > 4) return std::nullopt;
    for (char c : g)
      if (!is_hex(static_cast<unsigned char>(c))) return std::nullopt;
    ++n;
  }
  return n;
}

// IPv6-addr of RFC 5321 section 4.1.3: "::" stands for at least two groups.
bool is_ipv6(std::string_view s) {
  const auto gap = s.find("::");
  if (gap == std::string_view::npos) {
    const auto n = group_count(s, true);
    return n && *n == 8;
  }
  const auto before = group_count(s.substr(0, gap), false);
  const auto after = group_count(s.substr(gap + 2), true);
  return before && after && *before + *after <= 6;
}

// "[192.0.2.1]" or "[IPv6:2001:db8::1]"; other tags are not in the registry of RFC 5321
// section 4.1.3.
bool is_address_literal(std::string_view s) {
  if (s.size() < 3 || s.front() != '[' || s.back() != ']') return false;
  s = s.substr(1, s.size() - 2);
  constexpr std::string_view tag = "IPv6:";
  return ascii_istarts_with(s, tag) ? is_ipv6(s.substr(tag.size())) : is_ipv4(s);
}

bool is_ldh_label(std::string_view s) {
  if (s.empty() || s.size() > label_bytes_max || s.front() == '-' || s.back() == '-') return false;
  for (char c : s)
    if (!is_let_dig(static_cast<unsigned char>(c)) && c != '-') return false;
  return true;
}

result<std::string> ascii_label(std::string_view label) {
  if (label.empty()) return wrong("domain with an empty label");
  if (is_ascii(label)) {
    if (label.size() > label_bytes_max) return wrong("domain label longer than 63 octets");
    if (label.front() == '-' || label.back() == '-')
      return wrong("domain label begins or ends with a hyphen");
    if (!is_ldh_label(label))
      return wrong("domain with a character other than letters, digits, hyphens");
    return ascii_lower(label);
  }
  const std::string source{label};
  std::uint8_t* converted = nullptr;
  const int rc = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(source.c_str()), &converted,
                                IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<std::uint8_t, void (*)(void*)> owner{converted, idn2_free};
  if (rc != IDN2_OK) return wrong("domain label is no valid internationalized name");
  std::string out = ascii_lower(reinterpret_cast<const char*>(converted));
  // The mapping of UTS 46 can bring forth dots (U+3002) and other ASCII, which RFC 6531 does not
  // let stand for them.
  if (!is_ldh_label(out)) return wrong("domain label is no valid internationalized name");
  return out;
}

// Lower-case (language-neutral) and NFC, so that what looks the same to its owner is one key.
std::string lower_nfc(std::string_view s) {
  if (is_ascii(s)) return ascii_lower(s);
  UErrorCode e = U_ZERO_ERROR;
  // 254 octets cannot grow beyond these: a lower-case map gives at most three units, NFC at most
  // three more per unit.
  std::vector<UChar> wide(s.size() + 1), low(3 * s.size() + 8), norm(9 * s.size() + 32);
  std::int32_t n = 0;
  u_strFromUTF8(wide.data(), static_cast<std::int32_t>(wide.size()), &n, s.data(),
                static_cast<std::int32_t>(s.size()), &e);
  n = u_strToLower(low.data(), static_cast<std::int32_t>(low.size()), wide.data(), n, "", &e);
  const UNormalizer2* nfc = unorm2_getNFCInstance(&e);
  if (U_FAILURE(e)) return ascii_lower(s);
  n = unorm2_normalize(nfc, low.data(), n, norm.data(), static_cast<std::int32_t>(norm.size()), &e);
  std::string out(4 * static_cast<std::size_t>(n) + 1, '\0');
  std::int32_t bytes = 0;
  u_strToUTF8(out.data(), static_cast<std::int32_t>(out.size()), &bytes, norm.data(), n, &e);
  if (U_FAILURE(e)) return ascii_lower(s);
  out.resize(static_cast<std::size_t>(bytes));
  return out;
}

// Where the local part ends, the "@" not counted.
result<std::size_t> local_length(std::string_view text) {
  if (text.front() != '"') {
    const auto at = text.find('@');
    if (at == std::string_view::npos) return wrong("address without @");
    if (at == 0) return wrong("address without a local part");
    if (!is_dot_atom(text.substr(0, at))) {
      const auto local = text.substr(0, at);
      const bool dots =
          local.front() == '.' || local.back() == '.' || local.find("..") != std::string_view::npos;
      return wrong(dots ? "local part with a dot at its end or two together"
                        : "local part with a character that must be quoted");
    }
    return at;
  }
  const auto n = quoted_length(text);
  if (n == 0) return wrong("quoted local part is not closed");
  if (n == text.size()) return wrong("address without @");
  if (text[n] != '@') return wrong("quoted local part is followed by something else than @");
  return n;
}

}  // namespace

result<std::string> ascii_domain(std::string_view domain) {
  if (domain.empty()) return wrong("address without a domain");
  if (domain.size() > domain_bytes_max) return wrong("domain longer than 255 octets");
  if (!is_valid_utf8(domain)) return wrong("domain is not valid UTF-8");
  if (has_control(domain)) return wrong("domain with a control character");
  std::string out;
  for (auto label : split(domain, '.')) {
    auto ascii = ascii_label(label);
    if (!ascii) return ascii.error();
    if (!out.empty()) out += '.';
    out += *ascii;
  }
  if (out.size() > dns_name_bytes_max) return wrong("domain longer than 253 characters");
  return out;
}

result<mailbox> mailbox::parse(std::string_view text, bool allow_utf8) {
  if (text.empty()) return wrong("empty address");
  if (text.size() > mailbox_bytes_max) return wrong("address longer than 254 octets");
  if (!is_valid_utf8(text)) return wrong("address is not valid UTF-8");
  if (has_control(text)) return wrong("address with a control character");
  if (!allow_utf8 && !consentry::is_ascii(text))
    return wrong("address with non-ASCII characters needs SMTPUTF8");

  const auto at = local_length(text);
  if (!at) return at.error();
  if (*at > local_bytes_max) return wrong("local part longer than 64 octets");
  const auto domain = text.substr(*at + 1);

  mailbox m;
  if (!domain.empty() && domain.front() == '[') {
    if (!is_address_literal(domain)) return wrong("domain is no valid address literal");
    m.ascii_domain_ = domain;
  } else {
    auto ascii = smtp::ascii_domain(domain);
    if (!ascii) return ascii.error();
    m.ascii_domain_ = std::move(*ascii);
  }
  m.local_ = text.substr(0, *at);
  m.domain_ = domain;
  return m;
}

bool mailbox::is_ascii() const noexcept {
  return consentry::is_ascii(local_) && consentry::is_ascii(domain_);
}

std::string mailbox::text() const {
  return is_null() ? std::string{} : local_ + '@' + domain_;
}

std::string mailbox::key() const {
  if (is_null()) return {};
  std::string local = local_;
  if (local.front() == '"') {
    local = without_quotes(local_);
    if (!is_dot_atom(local)) local = with_quotes(local);
  }
  return lower_nfc(local) + '@' + ascii_domain_;
}

}  // namespace consentry::smtp
