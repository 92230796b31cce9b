// A text that is no mail, such as an SMS, under the content bans of RULES A6 (terms 5.5 name SMS).
#pragma once

#include <boost/json/fwd.hpp>
#include <string_view>

#include "app/message_reading.h"
#include "policy/policy_set.h"
#include "policy/verdict.h"

namespace consentry::app {

inline constexpr std::size_t checked_text_bytes_max = 64u << 10;

// Looked through as the body of a mail would be; findings stand in part "0", their offsets are
// those of the text. invalid: empty, longer than checked_text_bytes_max, or not UTF-8. CPU work for
// a worker thread; any thread.
result<message_reading> read_text(std::string_view text, const filters::pattern_database& patterns);

// {"verdict": "refuse", "reason": "content.h4", "rule": "H4", "text": "..", "findings": [..],
// "scores": {..}, "policy_version": ".."}; v is of judge_content().
boost::json::object text_report(const message_reading& reading, const policy::verdict& v);

}  // namespace consentry::app
