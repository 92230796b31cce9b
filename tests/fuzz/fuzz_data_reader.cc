// The same octets cut in two ways read the same; what is taken, sent on with dots stuffed, is one
// message for the most lenient reader too. The first octet says where to cut.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "smtp/server/data_reader.h"
#include "smtp/server/text_check.h"

using namespace consentry::smtp::server;

namespace {

struct reading {
  std::string content;
  std::size_t used = 0;
  bool ended = false;
  bool refused = false;
  std::size_t longest = 0;
  bool operator==(const reading&) const = default;
};

reading read(std::string_view input, std::size_t piece) {
  reading out;
  data_reader reader;
  text_check check;
  while (!input.empty() && !out.ended) {
    auto part = input.substr(0, piece);
    while (!part.empty() && !out.ended) {
      const auto step = reader.next(part);
      check.feed(step.content);
      out.content += step.content;
      out.used += step.consumed;
      out.ended = step.at_end;
      part.remove_prefix(step.consumed);
      input.remove_prefix(step.consumed);
    }
  }
  check.finish();
  out.refused = check.has_bare_newline() || check.has_nul();
  out.longest = check.longest_line();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view input{reinterpret_cast<const char*>(data) + 1, size - 1};
  const auto whole = read(input, input.size());
  const auto cut = read(input, 1 + data[0]);
  CONSENTRY_CHECK(whole == cut);
  if (!whole.ended || whole.refused) return 0;
  std::string sent = "\r\n";
  for (const char c : whole.content) {
    if (c == '.' && sent.ends_with("\r\n")) sent += '.';
    sent += c;
  }
  for (const char* end : {"\r\n.\r\n", "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n"})
    CONSENTRY_CHECK(sent.find(end) == std::string::npos);
  return 0;
}
