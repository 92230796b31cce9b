// RULES F2: a text in any charset that ICU knows, under any of its names, is the text.
#include <unicode/ucnv.h>

#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "smtp/mime/header_text.h"

using namespace consentry::smtp::mime;

namespace {

// Empty: the charset cannot write it.
std::string written_in(const char* charset, const std::u16string& text) {
  UErrorCode error = U_ZERO_ERROR;
  UConverter* c = ucnv_open(charset, &error);
  if (U_FAILURE(error)) return {};
  UErrorCode refused = U_ZERO_ERROR;
  ucnv_setFromUCallBack(c, UCNV_FROM_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &refused);
  std::string out(16 * text.size() + 64, '\0');
  const auto length = ucnv_fromUChars(c, out.data(), static_cast<std::int32_t>(out.size()),
                                      text.data(), static_cast<std::int32_t>(text.size()), &error);
  ucnv_close(c);
  if (U_FAILURE(error)) return {};
  out.resize(static_cast<std::size_t>(length));
  return out;
}

}  // namespace

TEST_CASE("a text in any charset that ICU knows is read", "[charset]") {
  const std::pair<std::u16string, std::string> texts[] = {
      {u"Online kaszino, 100% bonusz", "Online kaszino, 100% bonusz"},
      {u"\u00c1rv\u00edzt\u0171r\u0151 t\u00fck\u00f6rf\u00far\u00f3g\u00e9p",
       "\u00c1rv\u00edzt\u0171r\u0151 t\u00fck\u00f6rf\u00far\u00f3g\u00e9p"},
      {u"\u043f\u0440\u0438\u0432\u0435\u0442", "\u043f\u0440\u0438\u0432\u0435\u0442"},
  };
  int tried = 0;
  for (std::int32_t i = 0; i < ucnv_countAvailable(); ++i) {
    UErrorCode error = U_ZERO_ERROR;
    const char* name = ucnv_getStandardName(ucnv_getAvailableName(i), "IANA", &error);
    // No mail can name it; or, in mail, the name means the charset of eight bits.
    if (name == nullptr || std::string_view{name} == "GB_2312-80") continue;
    for (const auto& [units, utf8] : texts) {
      const auto bytes = written_in(name, units);
      if (bytes.empty()) continue;
      ++tried;
      std::string label = name;
      INFO(name);
      CHECK(to_utf8(bytes, label) == utf8);
    }
  }
  CHECK(tried > 150);
}

TEST_CASE("a Hungarian text is read under every name that ICU has for its charset", "[charset]") {
  const std::u16string units =
      u"\u00e1rv\u00edzt\u0171r\u0151 t\u00fck\u00f6rf\u00far\u00f3g\u00e9p \u00d6T";
  const std::string utf8 =
      "\u00e1rv\u00edzt\u0171r\u0151 t\u00fck\u00f6rf\u00far\u00f3g\u00e9p \u00d6T";
  std::set<std::string> charsets;
  int names = 0;
  for (std::int32_t i = 0; i < ucnv_countAvailable(); ++i) {
    const char* charset = ucnv_getAvailableName(i);
    UErrorCode error = U_ZERO_ERROR;
    const auto count = ucnv_countAliases(charset, &error);
    for (std::uint16_t n = 0; n < count; ++n) {
      const char* name = ucnv_getAlias(charset, n, &error);
      if (name == nullptr || std::string_view{name}.find(',') != std::string_view::npos) continue;
      const auto bytes = written_in(name, units);
      if (bytes.empty()) continue;
      charsets.insert(charset);
      ++names;
      for (const std::string& written : {std::string{name}, "\"" + std::string{name} + "\""}) {
        std::string label = written;
        INFO(charset << " as " << label);
        CHECK(to_utf8(bytes, label) == utf8);
      }
    }
  }
  WARN(charsets.size() << " charsets, " << names << " names");
  CHECK(charsets.size() > 20);
  CHECK(names > 100);
}

TEST_CASE("ISO-8859-16, which ICU does not know, is read", "[charset]") {
  for (std::string label : {"iso-8859-16", "ISO_8859-16", "Latin10"}) {
    CHECK(to_utf8("\xD5rz\xF5 t\xFCk\xF6rf\xFAr\xF3 gy\xF8r\xF8 \xA4", label) ==
          "\u0150rz\u0151 t\u00fck\u00f6rf\u00far\u00f3 gy\u0171r\u0171 \u20ac");
  }
}
