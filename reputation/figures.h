// What the complaint ratio is computed from (RULES A5).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reputation/window.h"

namespace consentry::reputation {

struct complaint_count {
  std::uint64_t delivered = 0;   // N: bulk messages that the remote MX accepted
  std::uint64_t complaints = 0;  // C: distinct verified complaints on them

  friend bool operator==(const complaint_count&, const complaint_count&) = default;
};

struct campaign_figures {
  std::string campaign;
  complaint_count count;  // its whole life in this epoch

  friend bool operator==(const campaign_figures&, const campaign_figures&) = default;
};

// Of one mailbox provider with a feedback loop (RULES C6), over the tenant's window.
struct provider_figures {
  std::string provider;
  complaint_count count;

  friend bool operator==(const provider_figures&, const provider_figures&) = default;
};

struct tenant_figures {
  std::uint32_t epoch = 1;  // unblocking starts the next one, and counting anew
  day_window window;
  complaint_count tenant;  // messages sent in the window
  std::vector<campaign_figures> campaigns;
};

}  // namespace consentry::reputation
