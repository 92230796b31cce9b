// What is remembered of each delivered message copy, so that a complaint months later finds its
// tenant, campaign and person (RULES C1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "reputation/window.h"
#include "smtp/stream.h"

namespace consentry::reputation {

// What became of a delivered copy besides complaints; informs the desk, counts nowhere (RULES A5).
enum class sent_mark : std::uint8_t {
  bounced = 1,  // a delivery report came back later
  unsubscribed = 2,
};

// Several reports of one person on one mail are rare; this many distinct times are remembered.
inline constexpr std::size_t complaints_kept_max = 8;

// The parts merge, whatever order they come in: the earliest delivery stands, marks and complaint
// times only add up.
struct sent_record {
  bool delivered = false;  // the remote MX took it; all up to send_day is empty until then
  tenant_id tenant;
  std::uint32_t epoch = 0;  // of the tenant's counting when it was delivered
  message_id message;
  smtp::stream stream{};
  std::string campaign;
  std::string topic;
  std::string person;  // pseudonym under the tenant's key, 16 bytes
  instant delivered_at{};
  day_number send_day = 0;  // of delivered_at
  std::string provider;     // whose mailbox it went to, where that one has a feedback loop (C6)

  bool bounced = false;
  bool unsubscribed = false;
  std::vector<instant> complaints;     // distinct verified ones, ascending; the earliest are kept
  std::optional<instant> reversed_at;  // the latest "not-spam" (RULES C3)

  friend bool operator==(const sent_record&, const sent_record&) = default;
};

// What is stored in table sent under be64 recipient. decode_sent_record throws decode_error.
std::string encode(const sent_record& r);
sent_record decode_sent_record(std::string_view bytes);

// Whether a complaint came more than max_age_days after the send day.
bool is_too_old(const sent_record& r, instant complaint, int max_age_days);

// A complaint stands if it is at most max_age_days after the send day and later than the last
// reversal. False for what was not delivered or is not bulk.
bool has_standing_complaint(const sent_record& r, int max_age_days);

}  // namespace consentry::reputation
