// Any bytes are a message to the walk: no crash, places inside the message, text valid UTF-8.
#include <cstdint>

#include "base/check.h"
#include "base/text.h"
#include "smtp/mime/mime_walk.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view message{reinterpret_cast<const char*>(data), size};
  const auto walked = consentry::smtp::mime::walk(message);
  CONSENTRY_CHECK(!walked.parts.empty());
  for (const auto& p : walked.parts) {
    CONSENTRY_CHECK(p.body_offset + p.body_length <= size);
    CONSENTRY_CHECK(consentry::is_valid_utf8(p.text));
    CONSENTRY_CHECK(consentry::is_valid_utf8(p.file_name));
  }
  return 0;
}
