#include "smtp/server/data_reader.h"

#include <cstring>

namespace consentry::smtp::server {

data_reader::step data_reader::next(std::string_view input) {
  std::size_t at = 0;
  while (at < input.size()) {
    switch (state_) {
      case state::line_start:
        if (input[at] == '.') {
          state_ = state::dot;
          ++at;
          break;
        }
        state_ = state::text;
        [[fallthrough]];
      case state::text:
      case state::text_cr: {
        step s = text(input.substr(at));
        s.consumed += at;
        return s;
      }
      case state::dot:
        if (input[at] == '\r') {
          state_ = state::dot_cr;
          ++at;
        } else {
          state_ = state::text;  // the dot was stuffed: it is gone
        }
        break;
      case state::dot_cr:
        if (input[at] == '\n') {
          state_ = state::line_start;
          return {at + 1, {}, true};
        }
        // Not the end after all; the CR that was held back is content (and a bare one).
        state_ = state::text_cr;
        return {at, std::string_view{"\r", 1}, false};
    }
  }
  return {at, {}, false};
}

// Inside a line: content up to the first line that starts with a dot.
data_reader::step data_reader::text(std::string_view input) {
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  const char* from = begin;
  while (from != end) {
    const auto* lf =
        static_cast<const char*>(std::memchr(from, '\n', static_cast<std::size_t>(end - from)));
    if (lf == nullptr) break;
    const bool ends_line = lf == begin ? state_ == state::text_cr : lf[-1] == '\r';
    from = lf + 1;
    if (!ends_line) continue;  // a bare LF ends no line
    if (from == end || *from == '.') {
      state_ = state::line_start;
      const auto octets = static_cast<std::size_t>(from - begin);
      return {octets, input.substr(0, octets), false};
    }
  }
  state_ = end[-1] == '\r' ? state::text_cr : state::text;
  return {input.size(), input, false};
}

}  // namespace consentry::smtp::server
