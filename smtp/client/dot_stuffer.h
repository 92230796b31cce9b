// A message as it goes over the wire after DATA (RFC 5321 section 4.5.2): stuffed, and ended by
// CRLF.CRLF.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace consentry::smtp::client {

// True where every CR is followed by LF and every LF preceded by CR, also across pieces: anything
// else would be read differently by different servers (SMTP smuggling).
bool has_only_crlf(const std::vector<std::string_view>& pieces) noexcept;

// The octets of all pieces (RFC 1870 counts without stuffing and final dot).
std::size_t content_bytes(const std::vector<std::string_view>& pieces) noexcept;

// Gives the wire form in blocks; the pieces must outlive it.
class dot_stuffer {
 public:
  explicit dot_stuffer(const std::vector<std::string_view>& pieces) : pieces_{pieces} {}

  // Replaces block by the next at most about bytes_max octets. False: there is no more (block is
  // empty then).
  bool next(std::string& block, std::size_t bytes_max);
  // The block given last held the end of the message.
  bool is_done() const noexcept { return done_; }

 private:
  void take_line_part(std::string& block, std::size_t room);

  const std::vector<std::string_view>& pieces_;
  std::size_t piece_ = 0;
  std::size_t offset_ = 0;
  bool at_line_start_ = true;
  bool done_ = false;
};

}  // namespace consentry::smtp::client
