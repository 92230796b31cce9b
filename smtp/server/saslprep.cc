#include "smtp/server/saslprep.h"

#include <unicode/unistr.h>
#include <unicode/usprep.h>

#include <algorithm>
#include <memory>

#include "base/text.h"

namespace consentry::smtp::server {

std::optional<std::string> saslprep(std::string_view text) {
  if (is_ascii(text)) {
    const bool controls = std::ranges::any_of(text, [](char c) { return c < ' ' || c == '\x7f'; });
    if (controls) return std::nullopt;
    return std::string{text};
  }
  if (!is_valid_utf8(text) || text.size() > 4096) return std::nullopt;
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<UStringPrepProfile, decltype(&usprep_close)> profile{
      usprep_openByType(USPREP_RFC4013_SASLPREP, &error), &usprep_close};
  if (U_FAILURE(error)) return std::nullopt;
  const auto source =
      icu::UnicodeString::fromUTF8(icu::StringPiece{text.data(), static_cast<int>(text.size())});
  icu::UnicodeString out;
  const int capacity = 18 * source.length() + 1;  // NFKC makes at most 18 units of one
  char16_t* const buffer = out.getBuffer(capacity);
  const int length = usprep_prepare(profile.get(), source.getBuffer(), source.length(), buffer,
                                    capacity, USPREP_DEFAULT, nullptr, &error);
  out.releaseBuffer(U_SUCCESS(error) ? length : 0);
  if (U_FAILURE(error)) return std::nullopt;
  std::string prepared;
  out.toUTF8String(prepared);
  return prepared;
}

}  // namespace consentry::smtp::server
