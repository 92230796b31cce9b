// A session's two directions: command lines and raw octets in, replies out. Replies wait until more
// input is needed, so that a pipelined group is answered by one write (RFC 2920 section 3.2).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/reply.h"
#include "smtp/server/byte_stream.h"
#include "smtp/server/line_reader.h"

namespace consentry::smtp::server {

class channel {
 public:
  channel(std::unique_ptr<byte_stream> stream, byte_stream::duration write_timeout);

  // What is buffered already; need_more: fill() first.
  command_line next_line() { return lines_.next(); }

  // Raw octets of a body: what is buffered, and how much of it was used.
  std::string_view buffered() const noexcept { return lines_.buffered(); }
  void consume(std::size_t octets) { lines_.consume(octets); }

  void say(const reply& r) { out_ += to_wire(r); }

  // Writes the replies that wait, then reads once. io: the peer has closed or the line is broken.
  boost::asio::awaitable<result<void>> fill(byte_stream::duration timeout);
  boost::asio::awaitable<result<void>> flush();

  byte_stream& stream() noexcept { return *stream_; }

 private:
  std::unique_ptr<byte_stream> stream_;
  byte_stream::duration write_timeout_;
  line_reader lines_;
  std::string out_;
};

}  // namespace consentry::smtp::server
