// The bodies of queued mail, in append-only segment files (spool_segment.h has the grammar). A body
// is on disk when the presync of the commit loop has run, which is before the transaction that
// names it; so a message that the store knows always has its body.
//
//   append (any thread) -> commit_loop group: presync() = fdatasync of what is dirty -> LMDB names
//   the location -> 250
//
// What a crash leaves behind the last named record is garbage that nobody reads: a start begins a
// new segment and removes the segments of which the store names nothing. Neither looks at the queue
// itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "queue/queued_message.h"

namespace consentry::queue {

// Replaceable by tests of failing disks; the default calls the operating system. Return values and
// errno as there.
struct disk_calls {
  std::function<long(int fd, const void* bytes, std::size_t count, std::int64_t offset)> pwrite;
  std::function<int(int fd)> fdatasync;
  static disk_calls real();
};

struct spool_settings {
  std::filesystem::path folder;  // created with mode 0700 if missing
  std::uint64_t segment_bytes_max = 64
                                    << 20;   // a segment is closed when the next body would pass it
  std::uint64_t body_bytes_max = 256 << 20;  // a larger body is refused (limit)
  std::uint64_t unsynced_bytes_max = 256
                                     << 20;  // appended and not yet synced; more is refused (limit)
  std::size_t open_files_max = 64;           // closed segments kept open for reading
};

// A body that was appended. Keep the lease until the transaction that names the location is
// committed or given up: it keeps the segment from being removed before the store counts the
// message.
struct spooled_body {
  spool_location location;
  std::shared_ptr<const void> lease;
};

// Any thread.
class spool {
 public:
  // Throws configuration_error. first_segment_min: 1 + the highest segment the store names
  // (queue_store::last_segment), so that numbers are not used twice.
  spool(spool_settings s, std::uint32_t first_segment_min, disk_calls calls = disk_calls::real());
  ~spool();

  // storage_full: disk full, nothing was taken, later may help; limit; storage_broken: a write
  // failed otherwise.
  result<spooled_body> append(std::string_view body);

  // For commit_loop::add_presync. A failed fdatasync is always storage_broken: what the kernel
  // dropped then is unknown.
  result<void> presync();

  // storage_broken: the record is damaged or the file is not there (both checksums are verified).
  result<std::string> read(const spool_location& at) const;

  // Closed segments that no lease holds: what may be removed if the store counts no message there.
  // Ask the store after, not before.
  std::vector<std::uint32_t> removable() const;
  void remove(std::uint32_t segment);  // unlinks; logs what goes wrong; not there: nothing

  // --- for spool_rewrite and snapshots ---

  // The next append begins a new segment. The highest number so far: all up to it are closed.
  std::uint32_t rotate();
  struct segment_size {
    std::uint32_t segment = 0;
    std::uint64_t bytes = 0;
  };
  std::vector<segment_size> sizes() const;
  // Overwrites all of a closed segment with nothing but its header and these records, which may be
  // damaged; synced. Not there: nothing is done.
  result<void> keep_only(std::uint32_t segment, std::vector<spool_location> kept);
  // What a body takes up in its segment, and what a segment without bodies has.
  static std::uint64_t record_bytes(std::uint32_t body_bytes) noexcept;
  static std::uint64_t empty_segment_bytes() noexcept;
  // Whoever read the old location before the move, and reads the body after the old segment has
  // gone, finds it all the same. Forgotten at the next start and by forget_moves().
  void moved(const spool_location& from, const spool_location& to);
  void forget_moves();
  // No segment is removed while this is held.
  std::shared_ptr<const void> hold_all();
  const std::filesystem::path& folder() const noexcept;

  std::uint64_t segments() const;  // files
  std::uint64_t bytes() const;     // in them

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace consentry::queue
