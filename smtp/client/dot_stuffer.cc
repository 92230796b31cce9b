#include "smtp/client/dot_stuffer.h"

#include <algorithm>

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

bool ends_line(const std::vector<std::string_view>& pieces) noexcept {
  const auto last = std::find_if(pieces.rbegin(), pieces.rend(), [](auto p) { return !p.empty(); });
  return last == pieces.rend() || last->back() == '\n';
}

// What follows unchanged: up to a line that begins with a dot, the end of the piece or of the room.
// Begins inside a line or with a line that needs no dot (any more). Empty: no piece is left.
std::string_view dot_stuffer::take_run(std::size_t room) {
  while (piece_ < pieces_.size() && offset_ == pieces_[piece_].size()) {
    ++piece_;
    offset_ = 0;
  }
  if (piece_ == pieces_.size()) return {};
  const auto rest = pieces_[piece_].substr(offset_, std::max<std::size_t>(room, 1));
  // A dot that was stuffed may be followed by the next line at once.
  const auto dot = rest.find("\n.");
  const auto run = rest.substr(0, dot == std::string_view::npos ? rest.size() : dot + 1);
  offset_ += run.size();
  at_line_start_ = run.back() == '\n';
  return run;
}

bool dot_stuffer::next(std::vector<std::string_view>& block, std::size_t bytes_max) {
  block.clear();
  copied_.clear();
  if (done_) return false;
  std::size_t bytes = 0;
  const auto add = [&](std::string_view part) {
    bytes += part.size();
    // Room for what was copied, and for the end.
    if (block.size() + 2 < views_max) {
      block.push_back(part);
    } else {
      copied_ += part;
    }
  };
  while (bytes < bytes_max) {
    const bool was_at_start = at_line_start_;
    const auto run = take_run(bytes_max - bytes);
    if (run.empty()) {
      done_ = true;
      break;
    }
    if (was_at_start && run.front() == '.') add(".");
    add(run);
  }
  if (!copied_.empty()) block.push_back(copied_);
  // A message whose last line is open gets its end here, else the dot would belong to that line.
  if (done_) block.push_back(at_line_start_ ? ".\r\n" : "\r\n.\r\n");
  return true;
}

}  // namespace consentry::smtp::client
