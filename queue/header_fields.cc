#include "queue/header_fields.h"

#include <algorithm>

#include "base/text.h"

namespace consentry::queue {

std::string_view raw_field::value() const noexcept {
  const auto colon = whole.find(':');
  return colon == std::string_view::npos ? std::string_view{} : trim(whole.substr(colon + 1));
}

split_message split_header(std::string_view message) {
  split_message out;
  std::size_t at = 0;
  while (at < message.size() && !message.substr(at).starts_with("\r\n")) {
    std::size_t end = at;
    do {  // a field goes on while lines begin with white space (RFC 5322 section 2.2.3)
      const auto eol = message.find("\r\n", end);
      end = eol == std::string_view::npos ? message.size() : eol + 2;
    } while (end < message.size() && (message[end] == ' ' || message[end] == '\t'));
    const auto whole = message.substr(at, end - at);
    const auto colon = whole.find(':');
    const auto name =
        colon == std::string_view::npos ? std::string_view{} : trim(whole.substr(0, colon));
    out.fields.push_back({.name = name, .whole = whole});
    at = end;
  }
  out.header = message.substr(0, at);
  out.body = message.substr(std::min(at + 2, message.size()));
  return out;
}

const raw_field* find_field(const std::vector<raw_field>& fields, std::string_view name) noexcept {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const raw_field& f) { return ascii_iequals(f.name, name); });
  return found == fields.end() ? nullptr : &*found;
}

bool has_eight_bit(std::string_view bytes) noexcept {
  return !is_ascii(bytes);
}

}  // namespace consentry::queue
