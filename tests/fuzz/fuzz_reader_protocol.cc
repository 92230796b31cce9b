// Any octets as a request and as an answer: refused, or within the limits and said again alike.
#include <cstdint>

#include "base/check.h"
#include "base/text.h"
#include "filters/reader/reader_protocol.h"

using namespace consentry;
using namespace consentry::filters;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body{reinterpret_cast<const char*>(data), size};
  const auto head = body.substr(0, reader::frame_head_octets);
  reader::request_length(head);
  const reader::read_limits limits{.unpacked_max = 1u << 20, .entries_max = 50};
  reader::answer_length(head, answer_octets_max(limits));
  if (const auto request = reader::decode_request(body)) {
    const auto again = reader::decode_request(
        std::string_view{encode(*request)}.substr(reader::frame_head_octets));
    CONSENTRY_CHECK(again && again->bytes == request->bytes && again->limits == request->limits);
  }
  if (const auto answer = reader::decode_answer(body, limits)) {
    std::size_t octets = 0;
    for (const auto& i : answer->items) {
      CONSENTRY_CHECK(is_valid_utf8(i.text) && is_valid_utf8(i.path));
      octets += i.text.size();
    }
    CONSENTRY_CHECK(octets <= 3 * limits.unpacked_max);  // each bad octet becomes three
    for (const auto& u : answer->unreadable)
      CONSENTRY_CHECK(is_ascii(u.why) || is_valid_utf8(u.why));
  }
  return 0;
}
