// How many bytes of unfinished messages the process may hold. Sessions take a share while they
// collect a body.
#pragma once

#include <atomic>
#include <cstdint>

namespace consentry::smtp::server {

// Any thread.
class memory_budget {
 public:
  explicit memory_budget(std::uint64_t bytes_max) noexcept
      : left_{static_cast<std::int64_t>(bytes_max)} {}

  bool take(std::uint64_t bytes) noexcept {
    const auto n = static_cast<std::int64_t>(bytes);
    if (left_.fetch_sub(n) >= n) return true;
    left_.fetch_add(n);
    return false;
  }
  void give(std::uint64_t bytes) noexcept { left_.fetch_add(static_cast<std::int64_t>(bytes)); }
  std::int64_t left() const noexcept { return left_.load(); }

 private:
  std::atomic<std::int64_t> left_;
};

// What one body has taken; given back when it dies.
class memory_share {
 public:
  explicit memory_share(memory_budget& budget) noexcept : budget_{&budget} {}
  ~memory_share() { budget_->give(bytes_); }
  memory_share(const memory_share&) = delete;
  memory_share& operator=(const memory_share&) = delete;

  // false: the budget is exhausted and the share stays as it is.
  bool grow_to(std::uint64_t bytes) noexcept {
    if (bytes <= bytes_) return true;
    if (!budget_->take(bytes - bytes_)) return false;
    bytes_ = bytes;
    return true;
  }

 private:
  memory_budget* budget_;
  std::uint64_t bytes_ = 0;
};

}  // namespace consentry::smtp::server
