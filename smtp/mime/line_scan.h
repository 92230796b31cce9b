// The lines of a message with their exact places: the ground of the walk.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/mime/mime_walk.h"

namespace consentry::smtp::mime {

struct raw_line {
  std::size_t begin = 0;
  std::size_t end = 0;   // without the line end
  std::size_t next = 0;  // begin of the next line
};

class line_scan {
 public:
  explicit line_scan(std::string_view text) noexcept;

  bool at_end(std::size_t pos) const noexcept { return pos >= text_.size(); }
  raw_line at(std::size_t pos) const noexcept;
  std::string_view of(const raw_line& line) const noexcept {
    return text_.substr(line.begin, line.end - line.begin);
  }
  std::string_view all() const noexcept { return text_; }
  // The place before the line end that stands before pos (it belongs to a boundary line, RFC 2046
  // section 5.1.1), not below least.
  std::size_t before_line_end(std::size_t pos, std::size_t least) const noexcept;

 private:
  std::string_view text_;
  char newline_;
};

// The boundaries of the multiparts that are open at some place, outermost first.
class boundary_stack {
 public:
  struct match {
    std::size_t level = 0;
    bool is_close = false;
  };

  void push(std::string boundary) { open_.push_back(std::move(boundary)); }
  void pop() { open_.pop_back(); }
  std::size_t size() const noexcept { return open_.size(); }

  // Innermost first. is_doubtful is set where the line only begins like a boundary: RFC 2046
  // section 5.1.1 lets readers take that for one, others do not. Taken for one here if a blank
  // follows.
  std::optional<match> find(std::string_view line, bool& is_doubtful) const noexcept;

 private:
  std::vector<std::string> open_;
};

struct header_block {
  std::vector<header_field> fields;
  std::size_t end = 0;  // where the body, or the boundary line, begins
  bool ended_at_boundary = false;
  std::vector<std::string> problems;
  bool is_incomplete = false;  // a limit, or fields behind a line that is none
};

// Reads fields from pos on until an empty line, a boundary or a line that is no field.
header_block read_header_block(const line_scan& lines, std::size_t pos,
                               const boundary_stack& boundaries, const walk_limits& limits);

}  // namespace consentry::smtp::mime
