// A key text up to the first NUL, then a message, both written by strangers: libopendkim, behind
// our verifier, asserts on nothing of it.
#include <cstdint>

#include "base/check.h"
#include "smtp/auth/dkim_verifier.h"
#include "smtp/auth/key_text.h"

using namespace consentry::smtp::auth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const dkim_verifier verifier{consentry::from_ms(1'667'843'664'000)};
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  const auto end = input.find('\0');
  const auto keys = key_text::parse(input.substr(0, end));
  if (!keys || end == std::string_view::npos) return 0;
  for (const auto& r : verifier.verify(input.substr(end + 1), *keys))
    CONSENTRY_CHECK(r.reason.empty() == (r.status == dkim_status::pass));
  return 0;
}
