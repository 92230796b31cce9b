#include "smtp/server/line_reader.h"

#include <cstring>

#include "base/check.h"

namespace consentry::smtp::server {

line_reader::line_reader() : buffer_(buffer_bytes) {}

std::span<char> line_reader::space() {
  if (begin_ == end_) {
    begin_ = end_ = scanned_ = 0;
  } else if (begin_ > 0 && end_ == buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    scanned_ -= begin_;
    end_ -= begin_;
    begin_ = 0;
  }
  CONSENTRY_CHECK(end_ < buffer_.size());  // next() drops what grows too long
  return {buffer_.data() + end_, buffer_.size() - end_};
}

void line_reader::consume(std::size_t octets) {
  CONSENTRY_CHECK(octets <= end_ - begin_);
  begin_ += octets;
  scanned_ = begin_;
}

command_line line_reader::next() {
  using kind = command_line::kind;
  for (;;) {
    const char* const lf = scanned_ == end_
                               ? nullptr
                               : static_cast<const char*>(
                                     std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_));
    if (lf == nullptr) {
      scanned_ = end_;
      // Of a line that is refused anyhow only a CR at the end still matters.
      const std::size_t pending = end_ - begin_;
      if (pending > line_bytes_max || (after_bare_lf_ && pending > 1)) {
        too_long_ = true;
        begin_ = buffer_[end_ - 1] == '\r' ? end_ - 1 : end_;
        dropped_ += pending;
        if (dropped_ > dropped_bytes_max) return {kind::endless, {}};
      }
      return {};
    }
    const auto at = static_cast<std::size_t>(lf - buffer_.data());
    if (at > begin_ && buffer_[at - 1] == '\r') {
      const bool dropped = after_bare_lf_;
      const command_line line = whole_line(at);
      if (dropped) continue;
      return line;
    }
    begin_ = scanned_ = at + 1;
    after_bare_lf_ = true;
    too_long_ = false;
    dropped_ = 0;
    return {kind::bare_newline, {}};
  }
}

command_line line_reader::whole_line(std::size_t newline) {
  using kind = command_line::kind;
  const std::string_view text{buffer_.data() + begin_, newline - 1 - begin_};
  const bool too_long = too_long_ || text.size() + 2 > line_bytes_max;
  begin_ = scanned_ = newline + 1;
  too_long_ = after_bare_lf_ = false;
  dropped_ = 0;
  if (too_long) return {kind::too_long, {}};
  if (std::memchr(text.data(), '\r', text.size()) != nullptr ||
      std::memchr(text.data(), '\0', text.size()) != nullptr)
    return {kind::bad_octet, {}};
  return {kind::line, text};
}

}  // namespace consentry::smtp::server
