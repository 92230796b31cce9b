// Command lines out of a stream of octets, strictly: only CRLF ends a command. A command that runs
// on behind a bare LF would be read as two by some servers and as one by others; so it is refused,
// and what follows the LF is never run.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace consentry::smtp::server {

struct command_line {
  enum class kind {
    need_more,
    line,          // text holds it, without CRLF; no CR, LF or NUL in it
    bare_newline,  // one for each bare LF; everything up to the next CRLF is dropped
    bad_octet,     // a whole line with a bare CR or a NUL in it
    too_long,      // a whole line over the limit; it is dropped
    endless,       // so much came without an end that nobody waits for it
  };
  kind what = kind::need_more;
  std::string_view text;  // into the reader's buffer, until its next call
};

class line_reader {
 public:
  static constexpr std::size_t buffer_bytes = 16 * 1024;
  static constexpr std::size_t line_bytes_max =
      12288;  // the longest any command may have: AUTH, RFC 4954 section 4

  static constexpr std::size_t dropped_bytes_max = 1 << 20;  // of one line

  line_reader();

  // Where to read to; never empty. Then tell how much came.
  std::span<char> space();
  void arrived(std::size_t octets) { end_ += octets; }

  command_line next();

  std::string_view buffered() const noexcept { return {buffer_.data() + begin_, end_ - begin_}; }
  void consume(std::size_t octets);

 private:
  command_line whole_line(std::size_t newline);

  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t scanned_ = 0;     // no LF before it
  std::size_t dropped_ = 0;     // octets of the line under way that were thrown away
  bool too_long_ = false;       // the head of this line was dropped already
  bool after_bare_lf_ = false;  // drop up to CRLF
};

}  // namespace consentry::smtp::server
