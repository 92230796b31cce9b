// Any octets as a policy of MTA-STS, as its TXT record, as that of TLSRPT, and as a TLSA record:
// read without harm; what is taken can be stored and comes back.
#include <cstdint>

#include "base/check.h"
#include "base/https_client.h"
#include "smtp/dns/dane.h"
#include "smtp/security/mta_sts_policy.h"
#include "smtp/security/tls_report.h"

using namespace consentry;
using namespace consentry::smtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text{reinterpret_cast<const char*>(data), size};
  if (const auto p = security::parse_sts_policy(text)) {
    CONSENTRY_CHECK(p->mode == security::sts_mode::none || !p->mx.empty());
    CONSENTRY_CHECK(p->mx.size() <= 100);
    CONSENTRY_CHECK(security::decode_sts_policy(security::encode(*p)) == *p);
    for (const auto& m : p->mx) CONSENTRY_CHECK(m.starts_with("*.") || security::matches(*p, m));
  }
  if (const auto id = security::sts_record_id({text}))
    CONSENTRY_CHECK(!id->empty() && id->size() <= 32);
  for (const auto& uri : security::report_addresses({text})) {
    CONSENTRY_CHECK(uri.size() <= 512);
    static_cast<void>(https_host(uri));
  }
  static_cast<void>(https_host(text));
  if (const auto r = dns::parse_tlsa(text); r && dns::is_usable(*r))
    CONSENTRY_CHECK((r->usage == 2 || r->usage == 3) && !r->data.empty());
  return 0;
}
