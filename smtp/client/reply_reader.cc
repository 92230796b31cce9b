#include "smtp/client/reply_reader.h"

#include "base/text.h"

namespace consentry::smtp::client {
namespace {

failure broken(std::string what, std::string_view line) {
  return {failure_kind::protocol, false, failure_scope::session, "the mail host broke the protocol",
          std::move(what) + ": " + printable(line, 80)};
}

}  // namespace

void reply_reader::feed(std::string_view bytes) {
  if (at_ > 0) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  buffer_ += bytes;
}

std::optional<result<reply>> reply_reader::next() {
  for (;;) {
    const std::string_view rest = std::string_view{buffer_}.substr(at_);
    const auto end = rest.find('\n');
    if (end == std::string_view::npos ? rest.size() >= line_bytes_max : end >= line_bytes_max)
      return broken("reply line too long", rest);
    if (end == std::string_view::npos) return std::nullopt;
    // Servers that end lines with LF alone exist; in replies nothing can be smuggled by it.
    std::string_view line = rest.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    at_ += end + 1;

    if (lines_.size() == lines_max) return broken("reply of too many lines", line);
    lines_.emplace_back(line);
    if (line.size() > 3 && line[3] == '-') {
      // What cannot begin a reply is found now, not after a hundred lines.
      if (lines_.size() == 1 && (line[0] < '2' || line[0] > '5'))
        return broken("not a reply", line);
      continue;
    }
    const auto r = parse_reply(lines_);
    const std::string first = lines_.front();
    lines_.clear();
    if (!r) return broken("not a reply", first);
    return *r;
  }
}

}  // namespace consentry::smtp::client
