#include "filters/confusable_domain.h"

#include <unicode/unistr.h>
#include <unicode/uscript.h>
#include <unicode/uspoof.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "filters/link_host.h"
#include "filters/text_view.h"

namespace consentry::filters {
namespace {

const USpoofChecker* label_checker() {
  static const USpoofChecker* const checker = [] {
    UErrorCode status = U_ZERO_ERROR;
    USpoofChecker* c = uspoof_open(&status);
    CONSENTRY_CHECK(U_SUCCESS(status));
    uspoof_setRestrictionLevel(c, USPOOF_HIGHLY_RESTRICTIVE);
    uspoof_setChecks(c, USPOOF_RESTRICTION_LEVEL | USPOOF_MIXED_NUMBERS, &status);
    CONSENTRY_CHECK(U_SUCCESS(status));
    return c;
  }();
  return checker;
}

bool has_latin(std::string_view label) {
  std::size_t i = 0;
  while (i < label.size()) {
    UChar32 c = 0;
    U8_NEXT(label.data(), i, label.size(), c);
    UErrorCode status = U_ZERO_ERROR;
    if (c >= 0 && uscript_getScript(c, &status) == USCRIPT_LATIN) return true;
  }
  return false;
}

bool is_confusable_label(std::string_view label) {
  if (is_ascii(label)) return false;
  UErrorCode status = U_ZERO_ERROR;
  const icu::UnicodeString u = icu::UnicodeString::fromUTF8(
      icu::StringPiece{label.data(), static_cast<int32_t>(label.size())});
  const int32_t problems = uspoof_check2UnicodeString(label_checker(), u, nullptr, &status);
  if (U_FAILURE(status) || problems != 0) return true;
  if (has_latin(label)) return false;
  // A whole label of look-alikes: nothing is left that Latin letters do not show.
  const std::string folded = ascii_folded(label);
  return std::none_of(folded.begin(), folded.end(),
                      [](char c) { return c == letter_placeholder || c == sign_placeholder; });
}

}  // namespace

bool is_confusable_domain(std::string_view domain) {
  const std::string shown = host_of("https://" + std::string{domain});
  for (const std::string_view label : split(shown, '.')) {
    if (is_confusable_label(label)) return true;
  }
  return false;
}

std::string domain_skeleton(std::string_view domain) {
  const auto shown =
      icu::UnicodeString::fromUTF8(host_of("https://" + std::string{domain})).toLower();
  UErrorCode status = U_ZERO_ERROR;
  icu::UnicodeString skeleton;
  uspoof_getSkeletonUnicodeString(label_checker(), 0, shown, skeleton, &status);
  // The digit 0 becomes a capital O there.
  return U_FAILURE(status) ? std::string{domain} : [&] {
    std::string out;
    return skeleton.toLower().toUTF8String(out);
  }();
}

}  // namespace consentry::filters
