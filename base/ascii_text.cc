#include "base/ascii_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace consentry {

std::string printable_ascii(std::string_view s, std::size_t bytes_max) {
  std::string out;
  for (; !s.empty() && out.size() < bytes_max; s.remove_prefix(1)) {
    if (is_printable_ascii(s.substr(0, 1)))
      out += s[0];
    else
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(s[0]));
  }
  if (!s.empty()) out += "...";
  return out;
}

bool is_printable_ascii(std::string_view s) noexcept {
  return std::ranges::all_of(s, [](char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace consentry
