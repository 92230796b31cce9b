// Broken invariants end the process, in release builds too: a gateway that no longer knows its own
// state must not acknowledge mail. For operating errors see result.h.
#pragma once

#include <string_view>

namespace consentry {

// Writes "file:line: what" to standard error and aborts.
[[noreturn]] void check_failed(const char* file, int line, std::string_view what) noexcept;

}  // namespace consentry

#define CONSENTRY_CHECK(condition)                                                    \
  do {                                                                                \
    if (!(condition)) [[unlikely]]                                                    \
      ::consentry::check_failed(__FILE__, __LINE__, "broken invariant: " #condition); \
  } while (false)
