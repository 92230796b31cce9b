// Any octets as a DMARC record, and as a DKIM key record: read without harm, and never a policy
// where none is said.
#include <cstdint>

#include "base/check.h"
#include "smtp/auth/sender_check.h"
#include "smtp/auth/spf_record.h"

using namespace consentry;
using namespace consentry::smtp::auth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto r = parse_dmarc(text)) {
    CONSENTRY_CHECK(text.find("DMARC1") != std::string_view::npos);
    CONSENTRY_CHECK(r->is_policy_sound || r->policy == dmarc_policy::none);
  }
  const auto names = dmarc_walk(text);
  CONSENTRY_CHECK(names.size() <= 8);
  static_cast<void>(fault_of_key_record(text, "v=DKIM1; k=rsa; p=AAAA"));
  static_cast<void>(spf_record_with({"192.0.2.1"}, {"v=spf1" + std::string{text}}));
  return 0;
}
