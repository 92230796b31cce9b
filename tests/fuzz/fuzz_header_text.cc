// Header values from strangers: decoded text is valid UTF-8 whatever was written.
#include <cstdint>

#include "base/check.h"
#include "base/text.h"
#include "smtp/mime/header_text.h"

namespace mime = consentry::smtp::mime;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view raw{reinterpret_cast<const char*>(data), size};
  CONSENTRY_CHECK(consentry::is_valid_utf8(mime::decode_header(raw)));
  const auto [value, parameters] = mime::parse_parameters(raw);
  CONSENTRY_CHECK(consentry::is_valid_utf8(value));
  for (const auto& [name, text] : parameters)
    CONSENTRY_CHECK(name == "boundary" || consentry::is_valid_utf8(text));
  bool ok = false;
  for (const auto& m : mime::parse_address_list(raw, ok)) {
    CONSENTRY_CHECK(consentry::is_valid_utf8(m.display_name));
    CONSENTRY_CHECK(consentry::is_valid_utf8(m.address));
  }
  // The first line as a charset label for the rest.
  const auto end = raw.find('\n');
  std::string label{raw.substr(0, end)};
  if (end != std::string_view::npos)
    CONSENTRY_CHECK(consentry::is_valid_utf8(mime::to_utf8(raw.substr(end + 1), label)));
  return 0;
}
