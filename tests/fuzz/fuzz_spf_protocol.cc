// Any octets as a word between the daemon and the SPF process: refused, or said again alike.
#include <cstdint>

#include "base/check.h"
#include "base/text.h"
#include "smtp/auth/spf/spf_protocol.h"

using namespace consentry::smtp::auth::spf;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body{reinterpret_cast<const char*>(data), size};
  static_cast<void>(body_length(body.substr(0, frame_head_octets)));
  if (const auto m = decode(body)) {
    const auto frame = encode(*m);
    const auto again = decode(std::string_view{frame}.substr(frame_head_octets));
    CONSENTRY_CHECK(again.has_value() && again->index() == m->index());
    if (const auto* v = std::get_if<check_verdict>(&*m))
      CONSENTRY_CHECK(consentry::is_valid_utf8(v->why));
  }
  return 0;
}
