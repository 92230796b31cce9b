// Any octets: views are valid UTF-8, 2 and 3 ASCII, and every range leads into the original.
#include <cstdint>

#include "base/check.h"
#include "base/text.h"
#include "filters/link_extract.h"
#include "filters/link_host.h"
#include "filters/text_view.h"

using namespace consentry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const std::string original = to_valid_utf8(text);
  const auto views = filters::text_views::of(original);
  for (int view = 1; view <= filters::view_count; ++view) {
    const std::string_view seen = views.text(view);
    CONSENTRY_CHECK(is_valid_utf8(seen));
    CONSENTRY_CHECK(view == 1 || is_ascii(seen));
    std::size_t last = 0;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const auto [begin, end] = views.original(view, i, i + 1);
      CONSENTRY_CHECK(begin <= end && end <= original.size() && begin >= last);
      last = begin;
    }
  }
  filters::text_views::of(text);
  filters::links_of_text(text);
  filters::host_of(text);
  return 0;
}
