// What is counted while the gateway runs, and the text that Prometheus reads. To count is one
// relaxed atomic increment; whoever reads sees numbers that may be a moment apart.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace consentry {

class counter {
 public:
  void add(std::uint64_t n = 1) noexcept { n_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return n_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> n_{0};
};

// How long something took, in buckets of fixed bounds from 0.1 ms to 100 s.
class latency_histogram {
 public:
  static constexpr std::array<std::uint64_t, 16> bounds_us{
      100,    250,     500,     1'000,     2'500,     5'000,      10'000,     25'000,
      50'000, 100'000, 250'000, 1'000'000, 2'500'000, 10'000'000, 30'000'000, 100'000'000};

  void observe(std::chrono::steady_clock::duration took) noexcept;

  struct reading {
    std::array<std::uint64_t, bounds_us.size() + 1> buckets{};  // each for itself; the last: above
    std::uint64_t count = 0;
    std::uint64_t sum_us = 0;
  };
  reading read() const noexcept;

 private:
  std::array<counter, bounds_us.size() + 1> buckets_;
  counter sum_us_;
};

// Observes from its making to its end.
class stopwatch {
 public:
  explicit stopwatch(latency_histogram& h) noexcept : histogram_{h} {}
  ~stopwatch() { histogram_.observe(std::chrono::steady_clock::now() - begun_); }
  stopwatch(const stopwatch&) = delete;
  stopwatch& operator=(const stopwatch&) = delete;

 private:
  latency_histogram& histogram_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

// The text format 0.0.4 of Prometheus. Names and labels are ours and bounded in number; label
// values are escaped.
class metrics_text {
 public:
  using labels = std::vector<std::pair<std::string_view, std::string_view>>;

  // Begins a family; its series follow. kind: counter, gauge, histogram.
  metrics_text& family(std::string_view name, std::string_view kind, std::string_view help);
  metrics_text& value(double v, const labels& l = {});
  metrics_text& value(std::uint64_t v, const labels& l = {});
  metrics_text& value(const latency_histogram& h);  // in seconds

  std::string take() noexcept { return std::move(out_); }

 private:
  void series(std::string_view suffix, const labels& l, std::string_view value);
  std::string name_;
  std::string out_;
};

}  // namespace consentry
