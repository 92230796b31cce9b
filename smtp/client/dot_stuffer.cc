#include "smtp/client/dot_stuffer.h"

#include <algorithm>
#include <cstring>

namespace consentry::smtp::client {

bool has_only_crlf(const std::vector<std::string_view>& pieces) noexcept {
  // As many CR as LF, and before every LF a CR: then no CR stands alone either.
  std::size_t cr = 0, lf = 0;
  char before = '\0';
  for (const auto piece : pieces) {
    cr += static_cast<std::size_t>(std::count(piece.begin(), piece.end(), '\r'));
    for (auto at = piece.find('\n'); at != std::string_view::npos; at = piece.find('\n', at + 1)) {
      if ((at > 0 ? piece[at - 1] : before) != '\r') return false;
      ++lf;
    }
    if (!piece.empty()) before = piece.back();
  }
  return cr == lf;
}

std::size_t content_bytes(const std::vector<std::string_view>& pieces) noexcept {
  std::size_t n = 0;
  for (const auto piece : pieces) n += piece.size();
  return n;
}

// Appends to the end of the line, of the piece or of the room.
void dot_stuffer::take_line_part(std::string& block, std::size_t room) {
  const auto rest = pieces_[piece_].substr(offset_);
  if (at_line_start_ && rest.front() == '.') block += '.';
  const auto end = rest.find('\n');
  const std::size_t line = end == std::string_view::npos ? rest.size() : end + 1;
  const std::size_t n = std::min(line, std::max<std::size_t>(room, 1));
  block.append(rest.substr(0, n));
  offset_ += n;
  at_line_start_ = rest[n - 1] == '\n';
}

bool dot_stuffer::next(std::string& block, std::size_t bytes_max) {
  block.clear();
  if (done_) return false;
  while (piece_ < pieces_.size()) {
    if (offset_ == pieces_[piece_].size()) {
      ++piece_;
      offset_ = 0;
      continue;
    }
    if (block.size() >= bytes_max) return true;
    take_line_part(block, bytes_max - block.size());
  }
  // A message whose last line is open gets its end here, else the dot would belong to that line.
  block += at_line_start_ ? ".\r\n" : "\r\n.\r\n";
  done_ = true;
  return true;
}

}  // namespace consentry::smtp::client
