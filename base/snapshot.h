// An immutable value that readers share and a reload swaps whole.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace consentry {

// Any thread. A reader keeps what it got for as long as it likes; a swap never changes it.
template <class T>
class snapshot {
 public:
  snapshot() = default;
  explicit snapshot(std::shared_ptr<const T> first) : current_{std::move(first)} {}

  std::shared_ptr<const T> get() const {
    std::lock_guard lock{mutex_};
    return current_;
  }
  void set(std::shared_ptr<const T> next) {
    std::lock_guard lock{mutex_};
    current_.swap(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> current_;
};

}  // namespace consentry
