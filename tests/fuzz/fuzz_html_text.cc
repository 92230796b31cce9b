// Any octets as HTML: it ends, in bounds, and every offset leads into the source.
#include <cstdint>

#include "base/check.h"
#include "filters/html_style.h"
#include "filters/html_text.h"

using namespace consentry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source{reinterpret_cast<const char*>(data), size};
  const auto d = filters::read_html(source);
  for (const auto* t : {&d.visible, &d.hidden}) {
    CONSENTRY_CHECK(t->map.size() == t->text.size());
    std::size_t last = 0;
    for (std::size_t i = 0; i < t->text.size(); ++i) {
      const auto [begin, end] = t->map.original(i, i + 1);
      CONSENTRY_CHECK(begin <= end && end <= source.size() && begin >= last);
      last = begin;
    }
  }
  for (const auto& l : d.links) CONSENTRY_CHECK(l.begin <= l.end && l.end <= source.size());
  filters::html_visibility v;
  filters::apply_style(v, source);
  return 0;
}
