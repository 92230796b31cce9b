#include "smtp/plain_address.h"

#include <array>

namespace consentry::smtp {
namespace {

// What a byte becomes in the key: 0 where it has no place.
constexpr std::array<char, 256> local_bytes() {
  std::array<char, 256> t{};
  for (char c = 'a'; c <= 'z'; ++c) t[static_cast<unsigned char>(c)] = c;
  for (char c = 'A'; c <= 'Z'; ++c) t[static_cast<unsigned char>(c)] = static_cast<char>(c + 32);
  for (char c = '0'; c <= '9'; ++c) t[static_cast<unsigned char>(c)] = c;
  for (char c : std::string_view{"!#$%&'*+-/=?^_`{|}~."}) t[static_cast<unsigned char>(c)] = c;
  return t;
}
constexpr std::array<char, 256> domain_bytes() {
  auto t = local_bytes();
  for (char c : std::string_view{"!#$%&'*+/=?^_`{|}~"}) t[static_cast<unsigned char>(c)] = 0;
  return t;
}
constexpr auto in_local = local_bytes();
constexpr auto in_domain = domain_bytes();

// RFC 5321 section 4.5.3.1; RFC 1035 section 2.3.4.
constexpr std::size_t text_bytes_max = 254;
constexpr std::size_t local_bytes_max = 64;
constexpr std::size_t label_bytes_max = 63;
constexpr std::size_t name_bytes_max = 253;

}  // namespace

bool plain_address_key(std::string_view text, std::string& key) {
  const auto at = text.find('@');
  if (at == 0 || at == text.npos || at > local_bytes_max || text.size() > text_bytes_max ||
      text.size() - at - 1 > name_bytes_max)
    return false;
  key.resize(text.size());
  char before = '.';
  for (std::size_t i = 0; i < at; ++i) {
    const char c = in_local[static_cast<unsigned char>(text[i])];
    if (c == 0 || (c == '.' && before == '.')) return false;
    key[i] = before = c;
  }
  if (before == '.') return false;
  key[at] = '@';
  before = '.';
  std::size_t label = 0;
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    const char c = in_domain[static_cast<unsigned char>(text[i])];
    if (c == 0) return false;
    if (c == '.') {
      if (label == 0 || label > label_bytes_max || before == '-') return false;
      label = 0;
    } else {
      if (c == '-' && label == 0) return false;
      ++label;
    }
    key[i] = before = c;
  }
  return label != 0 && label <= label_bytes_max && before != '-';
}

}  // namespace consentry::smtp
