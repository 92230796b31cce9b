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

// The last line has its CRLF, or there is no line at all.
bool ends_line(const std::vector<std::string_view>& pieces) noexcept;

// Gives the wire form in blocks: views of the pieces, which must outlive it, with the stuffing
// between them. Where dots come thick the rest of the block is copied, so that it stays a few
// views.
class dot_stuffer {
 public:
  static constexpr std::size_t views_max = 15;  // of a block

  explicit dot_stuffer(const std::vector<std::string_view>& pieces) : pieces_{pieces} {}

  // Replaces block by the next at most about bytes_max octets; valid until the next call. False:
  // there is no more (block is empty then).
  bool next(std::vector<std::string_view>& block, std::size_t bytes_max);
  // The block given last held the end of the message.
  bool is_done() const noexcept { return done_; }

 private:
  std::string_view take_run(std::size_t room);

  const std::vector<std::string_view>& pieces_;
  std::size_t piece_ = 0;
  std::size_t offset_ = 0;
  bool at_line_start_ = true;
  bool done_ = false;
  std::string copied_;
};

}  // namespace consentry::smtp::client
