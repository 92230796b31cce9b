// What is counted of mail since the start. In memory alone: the journal is the history.
#pragma once

#include <array>

#include "base/metrics.h"
#include "smtp/outcome.h"
#include "smtp/stream.h"

namespace consentry::app {

struct traffic_counts {
  static constexpr std::size_t streams = 5;  // with 0, none
  enum verdict : std::size_t { sent, refused, held };

  latency_histogram verdict_times;   // one judgement of all recipients of a message, or at RCPT
  latency_histogram delivery_times;  // one attempt, connecting included
  latency_histogram block_times;     // from a report's last octet to the block on disk
  std::array<std::array<counter, 3>, streams> verdicts;
  std::array<std::array<counter, 3>, streams> outcomes;  // by outcome_kind: delivered, deferred...
  counter reports, blocks;

  void verdict_of(smtp::stream s, verdict v) noexcept {
    verdicts[static_cast<std::size_t>(s) % streams][v].add();
  }
  void outcome_of(smtp::stream s, smtp::outcome_kind k) noexcept {
    outcomes[static_cast<std::size_t>(s) % streams][static_cast<std::size_t>(k) - 1].add();
  }
};

}  // namespace consentry::app
