#include "base/ids.h"

#include <algorithm>

namespace consentry {
namespace {

constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t width_min = 7;

std::string print(char prefix, std::uint64_t n) {
  std::string digits;
  for (; n != 0 || digits.size() < width_min; n >>= 5) digits += alphabet[n & 31];
  digits += prefix;
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::optional<std::uint64_t> parse(char prefix, std::string_view text) {
  if (text.size() < 2 || text.size() > 14 || text[0] != prefix) return std::nullopt;
  std::uint64_t n = 0;
  for (char c : text.substr(1)) {
    const auto digit = alphabet.find(c);
    if (digit == std::string_view::npos || (n >> 59) != 0) return std::nullopt;
    n = n << 5 | digit;
  }
  return n;
}

}  // namespace

std::string to_string(message_id id) {
  return print('m', id.value);
}
std::string to_string(recipient_id id) {
  return print('r', id.value);
}

std::optional<message_id> parse_message_id(std::string_view text) {
  const auto n = parse('m', text);
  return n ? std::optional{message_id{*n}} : std::nullopt;
}

std::optional<recipient_id> parse_recipient_id(std::string_view text) {
  const auto n = parse('r', text);
  return n ? std::optional{recipient_id{*n}} : std::nullopt;
}

}  // namespace consentry
