// [webhooks], [metrics] and [evidence] of consentry.toml: what leaves the gateway so that others
// see how it does and what it did.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/strict_toml.h"

namespace consentry::app {

struct webhook_settings {
  std::vector<std::string> allow;     // addresses and networks that are not of the internet
  std::filesystem::path authorities;  // PEM; empty: the system's
  unsigned attempts = 12;
  std::chrono::milliseconds retry_first{2'000};
  std::chrono::seconds retry_max{3600};
  std::chrono::seconds timeout{10};
  unsigned batch_max = 100;
};

struct metrics_settings {
  std::filesystem::path token_file;  // empty: a user's token, as for the rest
};

struct evidence_settings {
  std::chrono::days retain{180};  // digests of sent mail
};

// Paths are meant from `base`. Throw configuration_error.
webhook_settings read_webhook_settings(toml_section s, const std::filesystem::path& base);
metrics_settings read_metrics_settings(toml_section s, const std::filesystem::path& base);
// complaint_days: complaints may come for so long, and their mail must still be known then.
evidence_settings read_evidence_settings(toml_section s, int complaint_days);

}  // namespace consentry::app
