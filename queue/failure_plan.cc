#include "queue/failure_plan.h"

namespace consentry::queue {

using smtp::outcome_kind;

void judge_reply(const smtp::bounce_rules& rules, smtp::outcome& o, attempt_facts& facts) {
  if (o.kind == outcome_kind::delivered) return;
  auto given = o.last_reply;
  // Without a reply our own words say it: "null MX", "connection refused".
  if (given.code == 0 && given.text.empty()) given.text = o.cause;
  if (given.code == 0 && o.kind == outcome_kind::bounced && !given.enhanced)
    given.enhanced = {5, 0, 0};
  auto said = rules.classify(given, o.remote_host);
  facts.bounce = said.what;
  facts.bounce_rule = std::move(said.rule);
  if (!said.retry || o.kind != outcome_kind::bounced || o.last_reply.code == 0) return;
  o.kind = outcome_kind::deferred;
  o.scope = smtp::outcome_scope::recipient;
}

retry_rule retry_rule_for(const retry_settings& s, smtp::stream stream,
                          const smtp::bounce_rules& rules, smtp::bounce_class what) {
  auto out = s.of(stream);
  if (const auto pace = rules.pace_of(what)) {
    out.first = pace->first;
    out.longest = pace->longest;
  }
  return out;
}

bool wants_notice(const notice_settings& s, const queued_message& m, const queued_recipient& r,
                  outcome_kind kind, instant now) {
  if (m.is_notice || m.reverse_path.empty() || r.notify.never) return false;
  switch (kind) {
    case outcome_kind::delivered:
      return r.notify.wants_success();
    case outcome_kind::bounced:
      return r.notify.wants_failure();
    case outcome_kind::deferred:
      break;
  }
  if (r.delay_told || s.delay_after.count() == 0 || now < m.accepted_at + s.delay_after)
    return false;
  return r.notify.given() ? r.notify.delay : m.stream != smtp::stream::bulk;
}

}  // namespace consentry::queue
