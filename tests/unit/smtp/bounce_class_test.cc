#include "smtp/bounce_class.h"

#include <catch2/catch.hpp>

namespace consentry::smtp {

TEST_CASE("what replies mean for retry and for the address") {
  using c = bounce_class;
  struct row {
    int code;
    enhanced_code enhanced;
    const char* text;
    bounce_class expected;
  };
  const row rows[] = {
      {250, {2, 0, 0}, "ok", c::none},
      {354, {}, "go on", c::none},
      {0, {}, "", c::transient},
      // Enhanced codes first (RFC 3463).
      {550, {5, 1, 1}, "User unknown", c::bad_address},
      {550, {5, 1, 2}, "no such host", c::bad_address},
      {501, {5, 1, 3}, "bad syntax", c::bad_address},
      {551, {5, 1, 6}, "moved", c::bad_address},
      {553, {5, 1, 8}, "sender's domain", c::policy},
      {556, {5, 1, 10}, "null MX", c::relay},
      {552, {5, 2, 2}, "over quota", c::mailbox_full},
      {552, {4, 2, 2}, "codes mixed up", c::mailbox_full},
      {550, {5, 2, 1}, "account inactive", c::bad_address},
      {550, {5, 2, 1}, "is receiving mail at a rate that", c::policy},
      {554, {5, 4, 6}, "too many hops", c::relay},
      {501, {5, 5, 4}, "bad parameter", c::protocol},
      {554, {5, 6, 0}, "bad content", c::protocol},
      {550, {5, 7, 1}, "not allowed", c::policy},
      {550, {5, 7, 26}, "DMARC", c::policy},
      {525, {5, 7, 13}, "disabled", c::bad_address},
      {0, {5, 1, 1}, "", c::bad_address},
      {0, {4, 4, 7}, "", c::transient},
      // Words, where the code says little.
      {550, {}, "No such user here", c::bad_address},
      {550, {5, 5, 0}, "Requested action not taken: mailbox not found", c::bad_address},
      {550, {5, 4, 1}, "Recipient address rejected: Access denied. AS(201806281)", c::bad_address},
      {550, {5, 1, 0}, "Sender does not exist", c::policy},
      {554, {}, "Message rejected as SPAM", c::policy},
      {550, {}, "relay not permitted", c::relay},
      {554, {5, 0, 0}, "Quota exceeded (mailbox for user is full)", c::mailbox_full},
      // Basic codes last (RFC 5321 section 4.2.3, RFC 7504).
      {550, {}, "", c::other_permanent},
      {554, {}, "transaction failed", c::other_permanent},
      {552, {}, "", c::mailbox_full},
      {551, {}, "", c::bad_address},
      {503, {}, "", c::protocol},
      {535, {}, "", c::policy},
      {521, {}, "", c::relay},
      // Only a final word ends an address.
      {450, {4, 1, 1}, "user unknown in greylist", c::transient},
      {452, {4, 2, 2}, "out of storage", c::mailbox_full},
      {421, {4, 7, 28}, "slow down", c::transient},
  };
  for (const row& r : rows) {
    const reply given{r.code, r.enhanced, r.text};
    INFO(to_string(given));
    CHECK(to_string(classify(given)) == to_string(r.expected));
  }
}

TEST_CASE("only a dead address is hard") {
  for (int i = 0; i <= static_cast<int>(bounce_class::other_permanent); ++i) {
    const auto c = static_cast<bounce_class>(i);
    CHECK(is_hard(c) == (c == bounce_class::bad_address));
    CHECK(to_string(c) != "unknown");
  }
}

}  // namespace consentry::smtp
