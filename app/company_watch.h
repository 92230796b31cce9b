// Whether others use the store's writer: what can wait gives way to them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/commit_loop.h"

namespace consentry::app {

// Any thread.
class company_watch {
 public:
  explicit company_watch(const commit_loop& commits) : commits_{commits} {}

  // An operation of the one who watches was submitted.
  void note_own() noexcept { ++own_; }
  // Somebody else's was committed within the last moments.
  bool has_company() noexcept;
  // Sleeps for a moment, if there is company.
  void give_way();

 private:
  const commit_loop& commits_;
  std::atomic<std::uint64_t> own_{0};
  std::atomic<std::uint64_t> others_{0};
  std::atomic<std::int64_t> until_ms_{0};  // steady
};

}  // namespace consentry::app
