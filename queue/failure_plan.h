// What follows from an attempt that did not deliver: its class, whether and when it is tried again,
// and whether the sender is told. Pure.
#pragma once

#include "queue/bounce_notice.h"
#include "queue/outcome_sink.h"
#include "queue/retry_schedule.h"
#include "smtp/bounce_rules.h"

namespace consentry::queue {

// Sets class and rule in the facts. A refusal that a rule says to pass becomes a deferral of this
// recipient; nothing else changes the outcome: 4xx stays deferred, whatever its words.
void judge_reply(const smtp::bounce_rules& rules, smtp::outcome& o, attempt_facts& facts);

// The stream's, with the waits of the class where the rules have some.
retry_rule retry_rule_for(const retry_settings& s, smtp::stream stream,
                          const smtp::bounce_rules& rules, smtp::bounce_class what);

// RFC 3461 sections 4.1 and 6: failures unless NOTIFY leaves them out, success only if asked for, a
// delay once, after settings.delay_after, if asked for; without NOTIFY also in the streams where a
// person waits, but not in bulk (decisions/bounce-classes.md). Never about notices, never to the
// null path. r: as it was before the attempt.
bool wants_notice(const notice_settings& s, const queued_message& m, const queued_recipient& r,
                  smtp::outcome_kind kind, instant now);

}  // namespace consentry::queue
