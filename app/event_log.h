// What happens, as JSON lines in files that log shippers follow: a copy of the journal as it grows,
// so it costs nothing on the way of a message and misses nothing.
//
//   <folder>/events.ndjson                the lines of now; {"seq": .., "kind": "delivered", ..}
//   <folder>/events-<seq of the first>.ndjson   full ones, the newest `keep` of them
//
// The last line's seq is the cursor: after a crash the log goes on behind the last whole line.
// People stand under their pseudonyms. With addresses the files hold personal data, so none is
// older than erase_max (RULES 10).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "app/store_rooms.h"
#include "base/clock.h"
#include "base/worker_pool.h"

namespace consentry::app {

struct event_log_settings {
  std::filesystem::path folder;            // empty: no log
  std::uint64_t rotate_bytes = 64u << 20;  // a file is full
  unsigned keep = 10;                      // full files
  bool addresses = false;
  std::set<journal::event_kind> kinds;  // empty: all
  std::chrono::hours erase_max{24};
};

// The files alone. One thread at a time.
class event_files {
 public:
  // Takes up what an earlier run left: cuts off a line that a crash broke, finds the cursor.
  // Throws std::system_error, configuration_error.
  event_files(event_log_settings s, journal_seq newest, instant now);

  // Of the last line, or of the journal's end when the log began.
  journal_seq cursor() const noexcept { return cursor_; }
  // Whole lines, of entries up to `through`. Throws std::system_error; then nothing was taken.
  void append(const std::string& lines, journal_seq through, instant now);
  // Removes what is too many or too old.
  void tidy(instant now);

 private:
  std::filesystem::path current() const { return settings_.folder / "events.ndjson"; }
  void open();
  void rotate(instant now);
  std::vector<std::filesystem::path> full_files() const;  // the oldest first

  event_log_settings settings_;
  journal_seq cursor_;
  std::ofstream out_;
  std::uint64_t bytes_ = 0;
  instant begun_{};        // of the current file
  std::string first_seq_;  // of the current file, as in names
};

// Runs until cancelled; a full disk makes it wait.
boost::asio::awaitable<void> write_event_log(store_rooms& rooms, worker_pool& workers,
                                             const wall_clock& clock, event_log_settings s);

}  // namespace consentry::app
