// One spool file. Written front to back, never changed, removed whole.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "queue/queued_message.h"

namespace consentry::queue {

struct disk_calls;

class spool_segment {
 public:
  // A new file with its header, file and folder synced. The number must be free.
  static result<std::shared_ptr<spool_segment>> create(const std::filesystem::path& folder,
                                                       std::uint32_t number,
                                                       const disk_calls& calls);
  // An existing one, for reading. storage_broken: missing, or not a segment of that number.
  static result<std::shared_ptr<spool_segment>> open(const std::filesystem::path& folder,
                                                     std::uint32_t number);
  ~spool_segment();

  static std::filesystem::path file_of(const std::filesystem::path& folder, std::uint32_t number);
  static std::uint64_t record_bytes(std::size_t body_bytes) noexcept;
  static std::uint64_t first_record() noexcept;

  // Writes a record at an offset that the caller has reserved. Any thread.
  result<spool_location> write(std::uint64_t offset, std::string_view body,
                               const disk_calls& calls);
  result<void> sync(const disk_calls& calls);
  // Gives back the space from `end` on, where a write failed; nothing behind it is named by
  // anybody.
  void cut(std::uint64_t end) noexcept;
  result<std::string> read(const spool_location& at) const;
  // Overwrites [begin, end) of the file of that number with zeros, and syncs it.
  static result<void> blank(const std::filesystem::path& folder, std::uint32_t number,
                            const std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges,
                            const disk_calls& calls);

  std::uint32_t number() const noexcept { return number_; }

 private:
  spool_segment(std::uint32_t number, int fd) noexcept : number_{number}, fd_{fd} {}
  std::uint32_t number_;
  int fd_;
};

// A failed call as a failure: full disks (ENOSPC, EDQUOT, EFBIG) are storage_full, all else is
// storage_broken.
failure disk_failure(const char* doing, int error);

// Makes the names in it durable.
result<void> sync_folder(const std::filesystem::path& folder);

}  // namespace consentry::queue
