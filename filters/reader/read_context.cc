#include "filters/reader/read_context.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"

namespace consentry::filters::reader {

read_context::read_context(const read_limits& limits)
    : limits_{limits},
      end_{std::chrono::steady_clock::now() + std::chrono::milliseconds{limits.time_ms}} {}

void read_context::use(std::uint64_t octets) {
  if (octets > left())
    throw reading_stopped{fmt::format("holds more than {}", human_bytes(limits_.unpacked_max))};
  out_.unpacked += octets;
  look_at_clock();
}

void read_context::count_entry() {
  if (++entries_ > limits_.entries_max)
    throw reading_stopped{fmt::format("holds more than {} files", limits_.entries_max)};
}

bool read_context::is_late() const noexcept {
  return std::chrono::steady_clock::now() > end_;
}

void read_context::look_at_clock() const {
  if (is_late()) throw reading_stopped{"takes too long to read"};
}

void read_context::add(item_kind kind, std::string path, std::string text) {
  if (text.empty()) return;
  use(text.size());
  out_.items.push_back({kind, std::move(path), std::move(text)});
}

void read_context::refuse(std::string path, std::string why) {
  out_.unreadable.push_back({std::move(path), std::move(why)});
}

}  // namespace consentry::filters::reader
