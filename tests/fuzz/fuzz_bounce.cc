// Whoever writes to a return path of ours writes this: bounded whatever comes.
#include <cstdint>

#include "base/check.h"
#include "reputation/bounce_report.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace consentry;
  const auto parsed = reputation::parse_bounce({reinterpret_cast<const char*>(data), size});
  CONSENTRY_CHECK(parsed.recipients.size() <= 100);
  for (const auto& r : parsed.recipients) {
    CONSENTRY_CHECK(r.words.size() <= 4096);
    const auto verdict = reputation::classify(r, *smtp::bounce_rules::shipped());
    CONSENTRY_CHECK(verdict.what != smtp::bounce_class::none);
    CONSENTRY_CHECK(!r.is_delayed || !smtp::is_hard(verdict.what));
  }
  return 0;
}
