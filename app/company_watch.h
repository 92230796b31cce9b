// Whether others use the store's writer: what can wait gives way to them.
#pragma once

#include <cstdint>
#include <mutex>

#include "base/commit_loop.h"

namespace consentry::app {

// Any thread.
class company_watch {
 public:
  explicit company_watch(const commit_loop& commits)
      : commits_{commits}, others_{commits.operations()}, others_before_{others_} {}

  // An operation of the one who watches was submitted.
  void note_own() noexcept {
    std::lock_guard lock{mutex_};
    ++own_;
  }
  // Others committed several times within the last moments.
  bool has_company() noexcept;
  // Sleeps for a moment, if there is company.
  void give_way();

 private:
  const commit_loop& commits_;
  std::mutex mutex_;
  std::uint64_t others_;
  std::uint64_t others_before_;  // when the window began
  std::uint64_t own_ = 0;
  std::int64_t window_began_ms_ = 0, until_ms_ = 0;  // steady
};

}  // namespace consentry::app
