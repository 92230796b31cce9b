// Any octets as a pattern file, and as words: a configuration_error or a file, never a crash.
#include <cstdint>

#include "base/result.h"
#include "filters/pattern_file.h"
#include "filters/pattern_words.h"

using namespace consentry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  try {
    filters::parse_pattern_file(text, "fuzz.toml");
  } catch (const configuration_error&) {
  }
  for (int view = 1; view <= 3; ++view) {
    try {
      filters::parse_phrase(text, view);
    } catch (const std::invalid_argument&) {
    }
  }
  return 0;
}
