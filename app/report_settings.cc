#include "app/report_settings.h"

#include <fmt/format.h>

#include "app/outward_address.h"

namespace consentry::app {

namespace fs = std::filesystem;

webhook_settings read_webhook_settings(toml_section s, const fs::path& base) {
  webhook_settings out;
  out.allow = s.texts("allow");
  opened_networks allowed;
  for (const auto& network : out.allow)
    if (!allowed.add(network))
      s.fail("allow", fmt::format("not an address or network: {}", network));
  if (const fs::path file{s.text("authorities", "")}; !file.empty()) out.authorities = base / file;
  out.attempts = static_cast<unsigned>(s.integer("attempts", 12, 1, 100));
  out.retry_first = std::chrono::milliseconds{s.integer("retry_first_ms", 2'000, 50, 3'600'000)};
  out.retry_max = std::chrono::seconds{s.integer("retry_max_s", 3600, 1, 86'400)};
  out.timeout = std::chrono::seconds{s.integer("timeout_s", 10, 1, 60)};
  out.batch_max = static_cast<unsigned>(s.integer("batch_max", 100, 1, 1000));
  s.finish();
  return out;
}

metrics_settings read_metrics_settings(toml_section s, const fs::path& base) {
  metrics_settings out;
  if (const fs::path file{s.text("token_file", "")}; !file.empty()) out.token_file = base / file;
  s.finish();
  return out;
}

evidence_settings read_evidence_settings(toml_section s, int complaint_days) {
  evidence_settings out;
  out.retain = std::chrono::days{s.integer("retain_days", 180, 1, 3650)};
  if (out.retain.count() <= complaint_days)
    s.fail("retain_days", fmt::format("must be more than the {} days of [complaints] max_age_days",
                                      complaint_days));
  s.finish();
  return out;
}

}  // namespace consentry::app
