// Whoever writes to the feedback address writes this: bounded whatever comes.
#include <cstdint>

#include "base/check.h"
#include "reputation/feedback_report.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed =
      consentry::reputation::parse_feedback({reinterpret_cast<const char*>(data), size});
  CONSENTRY_CHECK(parsed.reports.size() <= 100);
  for (const auto& r : parsed.reports) {
    CONSENTRY_CHECK(!r.type.empty());
    CONSENTRY_CHECK(r.tokens.size() <= 64);
  }
  return 0;
}
