// Our opaque ids come back in strangers' mail: nothing but what the ring made is read as one, and
// the search for them is bounded.
#include <algorithm>
#include <array>
#include <cstdint>

#include "base/check.h"
#include "base/text.h"
#include "reputation/token_search.h"
#include "smtp/mime/mime_walk.h"

using namespace consentry;
using smtp::token_purpose;

namespace {

constexpr std::array purposes{token_purpose::return_path, token_purpose::message_id,
                              token_purpose::unsubscribe, token_purpose::feedback};

const smtp::token_ring& ring() {
  static const smtp::token_ring tokens{{{.number = 1, .secret = std::string(32, 'k')},
                                        {.number = 2, .secret = std::string(32, 'q')}}};
  return tokens;
}

// Whatever reads as a token is, letter case aside, what the ring makes of that number; of the
// newest key at least.
void check_reading(std::string_view text) {
  for (const auto p : purposes) {
    const auto id = ring().read(text, p);
    if (!id) continue;
    CONSENTRY_CHECK(text.size() == 40);
    if (parse_base32(text)->front() == 2) CONSENTRY_CHECK(ring().make(*id, p) == ascii_lower(text));
    for (const auto other : purposes)
      if (other != p) CONSENTRY_CHECK(!ring().read(text, other));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  check_reading(text.substr(0, 40));
  const auto found = reputation::tokens_of(smtp::mime::walk(text));
  CONSENTRY_CHECK(found.size() <= reputation::candidates_max);
  for (const auto& t : found) {
    CONSENTRY_CHECK(t.text.size() == 40 && t.text == ascii_lower(t.text));
    check_reading(t.text);
  }
  // A token of ours with one octet changed, at a place that the input names, is none.
  if (size < 10) return 0;
  recipient_id id;
  for (std::size_t i = 0; i < 8; ++i) id.value = id.value << 8 | data[i];
  if (!id) return 0;
  const auto purpose = purposes[data[8] % purposes.size()];
  auto token = ring().make(id, purpose);
  CONSENTRY_CHECK(ring().read(token, purpose) == id);
  const auto at = data[9] % token.size();
  const char now = static_cast<char>(size > 10 ? data[10] : 'a');
  const bool is_changed = ascii_lower(std::string(1, now)) != std::string(1, token[at]);
  token[at] = now;
  CONSENTRY_CHECK(ring().read(token, purpose).has_value() == !is_changed);
  return 0;
}
