#include "app/store_snapshot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "app/restore_marker.h"
#include "base/civil_date.h"
#include "base/lmdb_env_compaction.h"

namespace consentry::app {
namespace {

namespace fs = std::filesystem;

failure copy_failure(const fs::path& what, int error) {
  return {
      .kind = error == ENOSPC || error == EDQUOT ? failure_kind::storage_full : failure_kind::io,
      .public_text = fmt::format("{}: {}", what.string(), std::strerror(error))};
}

result<void> sync_path(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return copy_failure(path, errno);
  const int code = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (code != 0) return copy_failure(path, error);
  return {};
}

result<void> make_folder(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return copy_failure(folder, errno);
  return {};
}

result<void> copy_one(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (!fs::copy_file(from, to, error) || error) return copy_failure(from, error.value());
  return sync_path(to);
}

// Closed segments never change, so a second name for the same file is a copy.
result<void> link_or_copy(const fs::path& from, const fs::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return {};
  return copy_one(from, to);
}

result<std::uint64_t> copy_spool(queue::spool& bodies, const fs::path& to) {
  if (auto made = make_folder(to); !made) return made.error();
  std::uint64_t count = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{bodies.folder(), error}) {
    if (entry.path().extension() != ".seg") continue;
    auto done = link_or_copy(entry.path(), to / entry.path().filename());
    if (!done) return done.error();
    ++count;
  }
  if (error) return copy_failure(bodies.folder(), error.value());
  if (auto synced = sync_path(to); !synced) return synced.error();
  return count;
}

result<void> copy_folder(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (!fs::is_directory(from, error)) return {};
  if (auto made = make_folder(to); !made) return made;
  for (const auto& entry : fs::directory_iterator{from, error}) {
    const auto target = to / entry.path().filename();
    auto done =
        entry.is_directory() ? copy_folder(entry.path(), target) : copy_one(entry.path(), target);
    if (!done) return done;
  }
  if (error) return copy_failure(from, error.value());
  return sync_path(to);
}

result<snapshot_report> fill(store_rooms& rooms, const wall_clock& clock, const fs::path& to,
                             const std::vector<fs::path>& more) {
  snapshot_report out;
  // First of all the mark: a half-made copy must not send either.
  auto done = mark_restored(to, fmt::format("snapshot of {}\n", to_string_utc(clock.now())));
  if (!done) return done.error();
  // The closed segments of now and later ones hold every body that the database names then.
  const auto held = rooms.bodies.hold_all();
  if (done = copy_store(rooms.env, to); !done) return done.error();
  rooms.bodies.rotate();
  const auto segments = copy_spool(rooms.bodies, to / "spool");
  if (!segments) return segments.error();
  out.segments = *segments;
  for (const auto& folder : more)
    if (done = copy_folder(folder, to / folder.filename()); !done) return done.error();
  if (done = sync_path(to); !done) return done.error();
  if (done = sync_path(to.parent_path()); !done) return done.error();
  std::error_code error;
  out.bytes = fs::file_size(to / "data.mdb", error);
  return out;
}

}  // namespace

result<snapshot_report> take_snapshot(store_rooms& rooms, const wall_clock& clock,
                                      const fs::path& to, const std::vector<fs::path>& more) {
  if (!to.is_absolute())
    return failure{.kind = failure_kind::invalid,
                   .permanent = true,
                   .public_text = "the folder must be named from the root"};
  if (::mkdir(to.c_str(), 0700) != 0) {
    if (errno == EEXIST)
      return failure{.kind = failure_kind::conflict,
                     .permanent = true,
                     .public_text = to.string() + ": is there already"};
    return copy_failure(to, errno);
  }
  // Not newer than the copy: a replay begins no later than it may.
  const auto last = rooms.env.read([&](const read_txn& txn) { return rooms.journal.last(txn); });
  if (!last) return last.error();
  auto out = fill(rooms, clock, to, more);
  if (!out) {
    std::error_code ignored;
    fs::remove_all(to, ignored);
    return out;
  }
  out->journal_last = *last;
  return out;
}

}  // namespace consentry::app
