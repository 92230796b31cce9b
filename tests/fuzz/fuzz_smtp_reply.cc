// Replies come out the same however the bytes were cut, and are written as well-formed replies.
#include <cstdlib>
#include <vector>

#include "smtp/client/capabilities.h"
#include "smtp/client/reply_reader.h"

namespace {

using consentry::smtp::client::reply_reader;

std::vector<std::string> replies_of(std::string_view bytes, std::size_t step) {
  reply_reader reader;
  std::vector<std::string> out;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    reader.feed(bytes.substr(at, step));
    while (auto r = reader.next()) {
      if (!*r) return out;
      const auto wire = to_wire(**r);
      if (wire.size() < 6 || wire.substr(wire.size() - 2) != "\r\n") std::abort();
      static_cast<void>(consentry::smtp::client::parse_capabilities(**r));
      out.push_back(wire);
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const auto whole = replies_of(bytes, size ? size : 1);
  const auto cut = replies_of(bytes, 7);
  if (whole != cut) std::abort();
  return 0;
}
