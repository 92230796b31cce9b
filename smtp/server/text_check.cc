#include "smtp/server/text_check.h"

#include <algorithm>
#include <cstring>

namespace consentry::smtp::server {

void text_check::line_grows(std::size_t octets, bool ends) {
  line_ += octets;
  longest_ = std::max(longest_, line_);
  if (ends) line_ = 0;
}

void text_check::feed(std::string_view content) {
  if (content.empty()) return;
  if (std::memchr(content.data(), '\0', content.size()) != nullptr) nul_ = true;
  if (after_cr_ && content.front() != '\n') bare_newline_ = true;

  const char* from = content.data();
  const char* const end = from + content.size();
  while (from != end) {
    const auto left = static_cast<std::size_t>(end - from);
    const auto* lf = static_cast<const char*>(std::memchr(from, '\n', left));
    const char* stop = lf == nullptr ? end : lf;
    const bool cr_before = stop == from ? after_cr_ : stop[-1] == '\r';
    // A CR is fine only as the last octet before the LF, or as the last one so far.
    if (stop != from &&
        std::memchr(from, '\r', static_cast<std::size_t>(stop - from) - 1) != nullptr)
      bare_newline_ = true;
    if (lf == nullptr) {
      line_grows(left, false);
      after_cr_ = cr_before;
      return;
    }
    if (!cr_before) bare_newline_ = true;
    line_grows(static_cast<std::size_t>(lf - from) + 1, true);
    after_cr_ = false;
    from = lf + 1;
  }
}

void text_check::finish() {
  if (after_cr_) bare_newline_ = true;
  after_cr_ = false;
}

}  // namespace consentry::smtp::server
