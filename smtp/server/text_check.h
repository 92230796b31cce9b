// Looks for what no message may hold: bare CR, bare LF, NUL, overlong lines (RFC 5321
// sections 2.3.8, 4.5.3.1.6).
#pragma once

#include <cstddef>
#include <string_view>

namespace consentry::smtp::server {

class text_check {
 public:
  void feed(std::string_view content);
  void finish();  // the content ends: a CR that still waits for its LF is bare

  bool has_bare_newline() const noexcept { return bare_newline_; }
  bool has_nul() const noexcept { return nul_; }
  std::size_t longest_line() const noexcept { return longest_; }  // octets, its CRLF included

 private:
  void line_grows(std::size_t octets, bool ends);

  bool after_cr_ = false;
  bool bare_newline_ = false;
  bool nul_ = false;
  std::size_t line_ = 0;
  std::size_t longest_ = 0;
};

}  // namespace consentry::smtp::server
