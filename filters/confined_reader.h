// Attachments are read by processes that can do nothing else
// (docs/decisions/attachment-reading.md).
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "base/confined_process.h"
#include "filters/attachment_reader.h"

namespace consentry::filters {

struct reader_options {
  std::filesystem::path program;
  unsigned memory_mib = 1024;  // address space of one process
  unsigned cpu_s = 120;        // of one process
  unsigned files_max = 100;    // then another takes its place
};

// Any thread. At most as many processes as callers at once; idle ones are kept, unless they met a
// file that they could not read.
class confined_reader final : public attachment_reader {
 public:
  // Starts the first one. Throws configuration_error where it cannot be started or does not answer.
  explicit confined_reader(reader_options options);

  reader::reading read(const reader::read_request& request) const override;

  // Processes that ended before they had answered, or answered nonsense.
  std::uint64_t deaths() const noexcept { return deaths_; }

 private:
  struct process {
    confined_process running;
    unsigned files = 0;
  };
  result<process> borrow() const;
  void give_back(process p) const;
  static result<reader::reading> ask(process& p, const std::string& frame,
                                     const reader::read_limits& limits);
  std::string reason_of(process& p, const failure& why) const;

  reader_options options_;
  mutable std::mutex lock_;
  mutable std::vector<process> idle_;
  mutable std::atomic<std::uint64_t> deaths_{0};
};

}  // namespace consentry::filters
