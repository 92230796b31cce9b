// Deliveries as they happen, for people who look on: the SMTP dialog of the mail that a watch is
// for. Costs nothing where nobody looks. The scheduler's executor only.
//
// Shown are commands and replies; of a message only its size, of AUTH only that there was one. What
// nobody fetches in time is dropped, and the watch says how much.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "queue/queued_message.h"
#include "smtp/client/dialog_tap.h"

namespace consentry::queue {

// Unset parts match all.
struct trace_filter {
  tenant_id tenant;
  std::optional<std::string> campaign;
  message_id message;
  std::string address;  // of the recipient, in any case
  std::string domain;   // of the recipient
  std::string site;     // that the path leads to

  bool has(const queued_message& m, const queued_recipient& r, std::string_view path) const;
};

struct trace_line {
  enum class by : std::uint8_t { us, them, note };
  std::uint64_t number = 0;  // of the watch, from 1
  instant at{};
  std::uint64_t delivery = 0;  // lines of one attempt have the same
  message_id message;
  recipient_id recipient;
  std::string path;
  by who = by::note;
  std::string text;
};

class trace_board {
 public:
  static constexpr std::size_t watches_max = 16;
  static constexpr std::size_t lines_max = 2000;  // of a watch that nobody fetched yet
  static constexpr std::size_t text_bytes_max = 1000;
  static constexpr std::chrono::seconds forgotten_after{60};  // nobody fetches any more

  explicit trace_board(const wall_clock& clock) : clock_{clock} {}

  // 0: so many look already.
  std::uint64_t watch(trace_filter f);
  void end(std::uint64_t watch);
  struct page {
    std::vector<trace_line> lines;
    std::uint64_t dropped = 0;  // since the page before
  };
  // nullopt: there is no such watch (any more).
  std::optional<page> fetch(std::uint64_t watch, std::size_t limit);

  // For an attempt that begins; nullptr: nobody looks at it.
  std::shared_ptr<smtp::client::dialog_tap> tap(const queued_message& m, const queued_recipient& r,
                                                std::string_view path);

 private:
  struct watched {
    std::uint64_t number = 0;
    trace_filter filter;
    std::deque<trace_line> lines;
    std::uint64_t last_line = 0;
    std::uint64_t dropped = 0;
    instant fetched_at{};
  };
  class tap_of_one;
  void forget_the_silent();
  static void add(watched& w, trace_line line);

  const wall_clock& clock_;
  std::vector<std::shared_ptr<watched>> watches_;
  std::uint64_t last_watch_ = 0;
  std::uint64_t last_delivery_ = 0;
};

}  // namespace consentry::queue
