// Bytes from a server in, replies out: bounded in line length and line count, no I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "smtp/reply.h"

namespace consentry::smtp::client {

class reply_reader {
 public:
  static constexpr std::size_t line_bytes_max =
      4096;  // eight times what RFC 5321 section 4.5.3.1.5 allows
  static constexpr std::size_t lines_max = 100;

  void feed(std::string_view bytes);
  // nullopt: more bytes are needed. A failure (protocol) is final: the connection is of no more
  // use.
  std::optional<result<reply>> next();
  // Bytes not yet taken as a reply. After STARTTLS there may be none (RFC 3207 section 6: what came
  // before the handshake is not the server's word).
  bool has_rest() const noexcept { return at_ < buffer_.size() || !lines_.empty(); }

 private:
  std::string buffer_;
  std::size_t at_ = 0;
  std::vector<std::string> lines_;
};

}  // namespace consentry::smtp::client
