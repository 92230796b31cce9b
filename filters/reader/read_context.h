// What a reading may still use, and what it has found so far.
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>

#include "filters/reader/reading.h"

namespace consentry::filters::reader {

// A limit was reached: nothing more is read, what was found stays.
class reading_stopped : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class read_context {
 public:
  explicit read_context(const read_limits& limits);

  const read_limits& limits() const noexcept { return limits_; }

  // Each counts against a limit and throws reading_stopped beyond it.
  void use(std::uint64_t octets);
  void count_entry();
  void look_at_clock() const;
  // Octets that may still be used.
  std::uint64_t left() const noexcept { return limits_.unpacked_max - out_.unpacked; }
  bool is_late() const noexcept;

  void add(item_kind kind, std::string path, std::string text);
  void refuse(std::string path, std::string why);
  reading take() noexcept { return std::move(out_); }

 private:
  read_limits limits_;
  std::chrono::steady_clock::time_point end_;
  unsigned entries_ = 0;
  reading out_;
};

}  // namespace consentry::filters::reader
