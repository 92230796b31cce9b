#include <unicode/ucnv.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>

#include <array>
#include <memory>

#include "base/text.h"
#include "smtp/mime/header_text.h"

namespace consentry::smtp::mime {
namespace {

struct converter_closer {
  void operator()(UConverter* c) const noexcept { ucnv_close(c); }
};
using converter = std::unique_ptr<UConverter, converter_closer>;

// What mail programs mean by these labels (as browsers do, WHATWG Encoding): the superset.
struct alias {
  std::string_view label;
  const char* converter;
};
constexpr std::array<alias, 16> aliases{{
    {"iso-8859-1", "windows-1252"},
    {"iso8859-1", "windows-1252"},
    {"iso_8859-1", "windows-1252"},
    {"latin1", "windows-1252"},
    {"l1", "windows-1252"},
    {"iso-8859-9", "windows-1254"},
    {"gb2312", "gb18030"},
    {"gbk", "gb18030"},
    {"gb_2312-80", "gb18030"},
    {"ks_c_5601-1987", "windows-949"},
    {"ks_c_5601", "windows-949"},
    {"euc-kr", "windows-949"},
    {"big5", "windows-950"},
    {"cp-850", "ibm-850"},
    {"cp1250", "windows-1250"},
    {"cp1252", "windows-1252"},
}};

std::string normal_label(std::string_view label) {
  std::string out;
  for (const char c : ascii_lower(trim(label))) {
    if (c == '"' || c == '\'') continue;
    if (c == ' ' || c == '\t' || c == ';' || c == '*' || c == ',') break;
    if (out.size() == 60) break;
    out.push_back(c);
  }
  return out;
}

// ISO-8859-16 (Romanian and Hungarian), which ICU does not know: 0xA0 and on.
constexpr std::u16string_view latin_10 =
    u"\u00a0\u0104\u0105\u0141\u20ac\u201e\u0160\u00a7\u0161\u00a9\u0218\u00ab"
    u"\u0179\u00ad\u017a\u017b\u00b0\u00b1\u010c\u0142\u017d\u201d\u00b6\u00b7"
    u"\u017e\u010d\u0219\u00bb\u0152\u0153\u0178\u017c\u00c0\u00c1\u00c2\u0102"
    u"\u00c4\u0106\u00c6\u00c7\u00c8\u00c9\u00ca\u00cb\u00cc\u00cd\u00ce\u00cf"
    u"\u0110\u0143\u00d2\u00d3\u00d4\u0150\u00d6\u015a\u0170\u00d9\u00da\u00db"
    u"\u00dc\u0118\u021a\u00df\u00e0\u00e1\u00e2\u0103\u00e4\u0107\u00e6\u00e7"
    u"\u00e8\u00e9\u00ea\u00eb\u00ec\u00ed\u00ee\u00ef\u0111\u0144\u00f2\u00f3"
    u"\u00f4\u0151\u00f6\u015b\u0171\u00f9\u00fa\u00fb\u00fc\u0119\u021b\u00ff";
static_assert(latin_10.size() == 0x60);
bool is_latin_10(const std::string& label) noexcept {
  return label == "iso-8859-16" || label == "iso_8859-16" || label == "latin10" ||
         label == "iso-ir-226" || label == "l10";
}
std::string convert_latin_10(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto u = static_cast<unsigned char>(c);
    std::array<char, U8_MAX_LENGTH> octets{};
    std::size_t n = 0;
    U8_APPEND_UNSAFE(octets.data(), n, u < 0xA0 ? u : latin_10[u - 0xA0u]);
    out.append(octets.data(), n);
  }
  return out;
}

converter open(const std::string& label) {
  if (label.empty()) return nullptr;
  std::string name = label;
  for (const auto& a : aliases)
    if (a.label == label) name = a.converter;
  UErrorCode error = U_ZERO_ERROR;
  converter c{ucnv_open(name.c_str(), &error)};
  if (U_FAILURE(error)) return nullptr;
  return c;
}

std::string convert(UConverter* from, std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 2);
  std::array<UChar, 4096> units;
  std::array<char, 3 * units.size() + 4> utf8;
  const char* in = bytes.data();
  const char* const in_end = in + bytes.size();
  std::size_t carried = 0;  // a high surrogate waiting for its other half
  for (bool more = true; more;) {
    UChar* to = units.data() + carried;
    UErrorCode error = U_ZERO_ERROR;
    ucnv_toUnicode(from, &to, units.data() + units.size(), &in, in_end, nullptr, true, &error);
    more = error == U_BUFFER_OVERFLOW_ERROR;
    if (U_FAILURE(error) && !more) break;
    auto count = static_cast<std::size_t>(to - units.data());
    const bool split_pair = more && count > 0 && U16_IS_LEAD(units[count - 1]);
    const UChar lead = split_pair ? units[--count] : 0;
    std::int32_t written = 0;
    UErrorCode encode_error = U_ZERO_ERROR;
    u_strToUTF8WithSub(utf8.data(), static_cast<std::int32_t>(utf8.size()), &written, units.data(),
                       static_cast<std::int32_t>(count), 0xFFFD, nullptr, &encode_error);
    if (U_SUCCESS(encode_error)) out.append(utf8.data(), static_cast<std::size_t>(written));
    carried = split_pair ? 1 : 0;
    if (split_pair) units[0] = lead;
  }
  return out;
}

// True for charsets in which printable ASCII means itself (all common ones; not UTF-7, UTF-16, HZ,
// EBCDIC).
bool keeps_ascii(UConverter* c) {
  std::string printable;
  for (char ch = ' '; ch < 0x7f; ++ch) printable.push_back(ch);
  const bool same = convert(c, printable) == printable;
  ucnv_reset(c);
  return same;
}

bool has_any(std::string_view s, std::string_view set) noexcept {
  return s.find_first_of(set) != std::string_view::npos;
}

// UTF-8 that was damaged on its way, rather than text in an eight-bit charset.
bool is_mostly_utf8(std::string_view s) {
  std::size_t good = 0;
  std::size_t bad = 0;
  for (std::size_t i = 0; i < s.size();) {
    const auto lead = static_cast<unsigned char>(s[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead >= 0xc2 && i + length <= s.size() && is_valid_utf8(s.substr(i, length))) {
      ++good;
      i += length;
    } else {
      ++bad;
      ++i;
    }
  }
  return good > bad;
}

std::string convert_by_name(const std::string& name, std::string_view bytes) {
  const converter c = open(name);
  return c ? convert(c.get(), bytes) : to_valid_utf8(bytes);
}

bool is_wide(const std::string& name) noexcept {
  return name.starts_with("utf-16") || name.starts_with("utf-32") || name.starts_with("utf16") ||
         name.starts_with("ucs-") || name.starts_with("iso-10646") || name == "unicode";
}

// Octets that text of single octets does not hold: the high ones of letters below U+2000.
bool holds_wide_units(std::string_view bytes) noexcept {
  for (const char c : bytes) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x20 && c != '\t' && c != '\r' && c != '\n' && c != '\f' && c != '\x1b') return true;
  }
  return false;
}

std::string ascii_to_utf8(std::string_view bytes, std::string& label, const std::string& name) {
  const bool is_plain = name.empty() || name == "utf-8" || name == "us-ascii" ||
                        name.starts_with("iso-8859-") || name.starts_with("windows-125");
  if (!is_plain && !is_wide(name)) {
    const converter c = open(name);
    if (c && (!keeps_ascii(c.get()) || has_any(bytes, "\x1b\x0e\x0f"))) {
      label = name;
      return convert(c.get(), bytes);
    }
    label = c ? name : "us-ascii";
    return std::string{bytes};
  }
  label = name.empty() || is_wide(name) ? "us-ascii" : name;
  return std::string{bytes};
}

}  // namespace

std::string to_utf8(std::string_view bytes, std::string& label) {
  const std::string name = normal_label(label);
  if (bytes.starts_with("\xef\xbb\xbf") && is_valid_utf8(bytes)) {
    label = "utf-8";
    return std::string{bytes.substr(3)};
  }
  using namespace std::string_view_literals;
  if (bytes.size() % 4 == 0 &&
      (bytes.starts_with("\xff\xfe\0\0"sv) || bytes.starts_with("\0\0\xfe\xff"sv))) {
    label = bytes[0] == '\xff' ? "utf-32le" : "utf-32be";
    return convert_by_name(label, bytes.substr(4));
  }
  if (bytes.size() >= 2 && bytes.size() % 2 == 0 &&
      (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff"))) {
    label = bytes[0] == '\xff' ? "utf-16le" : "utf-16be";
    return convert_by_name(label, bytes.substr(2));
  }
  if (is_wide(name) && holds_wide_units(bytes)) {
    label = name;
    return convert_by_name(name, bytes);
  }
  if (is_ascii(bytes)) return ascii_to_utf8(bytes, label, name);
  if (is_valid_utf8(bytes)) {
    label = "utf-8";
    return std::string{bytes};
  }
  if ((name == "utf-8" || name == "utf8") && is_mostly_utf8(bytes)) {
    label = "utf-8";
    return to_valid_utf8(bytes);
  }
  if (is_latin_10(name)) {
    label = name;
    return convert_latin_10(bytes);
  }
  // The mail here is Hungarian; windows-1250 holds all of ISO-8859-2's Hungarian letters (F2).
  const bool says_nothing = name.empty() || name == "us-ascii" || name == "ascii" ||
                            name == "utf-8" || name == "utf8" || name == "ansi_x3.4-1968";
  const converter c = says_nothing ? nullptr : open(name);
  label = c ? name : "windows-1250";
  return c ? convert(c.get(), bytes) : convert_by_name(label, bytes);
}

}  // namespace consentry::smtp::mime
