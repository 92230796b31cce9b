// Any octets as an attachment of any name: it ends, within its limits, and what it says is text.
#include <array>
#include <cstdint>

#include "base/check.h"
#include "base/text.h"
#include "filters/reader/file_text.h"
#include "filters/reader/reader_protocol.h"

using namespace consentry;
using namespace consentry::filters;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::array names{"", "a.txt", "a.html", "a.ics", "a.vcf", "a.eml", "a.docx", "a.zip"};
  if (size == 0) return 0;
  const reader::read_limits limits{.unpacked_max = 4u << 20, .entries_max = 200, .time_ms = 3'000};
  const auto found =
      reader::read_file({.type = "",
                         .name = names[data[0] % names.size()],
                         .bytes = std::string{reinterpret_cast<const char*>(data) + 1, size - 1},
                         .limits = limits});
  CONSENTRY_CHECK(found.unpacked <= limits.unpacked_max);
  std::size_t octets = 0;
  for (const auto& i : found.items) {
    CONSENTRY_CHECK(is_valid_utf8(i.text));
    octets += i.text.size();
  }
  CONSENTRY_CHECK(octets <= limits.unpacked_max);
  // What the reader says passes what the daemon lets through.
  const auto frame = encode(found);
  const auto head = frame.substr(0, reader::frame_head_octets);
  CONSENTRY_CHECK(reader::answer_length(head, answer_octets_max(limits)) ==
                  frame.size() - reader::frame_head_octets);
  const auto heard =
      reader::decode_answer(std::string_view{frame}.substr(reader::frame_head_octets), limits);
  CONSENTRY_CHECK(heard && heard->items.size() == found.items.size());
  return 0;
}
