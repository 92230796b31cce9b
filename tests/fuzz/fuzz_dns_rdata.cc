// Records off the wire: no byte of a stranger's zone may come out as anything but a host name.
#include <cstdlib>
#include <string_view>

#include "smtp/dns/records.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace consentry::smtp::dns;
  const std::string_view rdata{reinterpret_cast<const char*>(data), size};
  if (const auto mx = parse_mx(rdata)) {
    if (mx->host.size() > 253) std::abort();
    for (char c : mx->host)
      if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
        std::abort();
  }
  if (const auto txt = parse_txt(rdata); txt && txt->size() >= size) std::abort();
  static_cast<void>(parse_a(rdata));
  static_cast<void>(parse_aaaa(rdata));
  return 0;
}
