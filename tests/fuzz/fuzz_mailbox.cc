// What is taken as a mailbox must be safe to write into a command, and its key must name the same
// mailbox again.
#include <cstdlib>

#include "base/text.h"
#include "smtp/address.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using consentry::smtp::mailbox;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto m = mailbox::parse(text);
  if (!m) return 0;
  if (m->text() != text || size > 254) std::abort();
  for (char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
  if (!consentry::is_ascii(m->ascii_domain()) || m->ascii_domain().empty()) std::abort();
  // The key of a long address may be longer than an address may be (lower-casing); of others it
  // parses to itself.
  if (const auto again = mailbox::parse(m->key()); again && again->key() != m->key()) std::abort();
  return 0;
}
