// One attempt at one recipient: read, ask, carry, record.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "queue/failure_plan.h"
#include "queue/scheduler_state.h"

namespace consentry::queue {
namespace {

namespace asio = boost::asio;
using smtp::outcome_kind;
using smtp::outcome_scope;
constexpr std::string_view room = "queue/scheduler";

// Everything about one attempt, shared with the commit operation, which may run again and on
// another thread.
struct attempt_work {
  std::shared_ptr<scheduler::state> s;
  due_row row;
  std::shared_ptr<queued_message> m;
  std::shared_ptr<queued_recipient> r;
  smtp::outcome outcome;
  attempt_facts facts;
  std::string text;  // for the DSN: why, in words
  bool delay_is_told = false;
  std::optional<bounce_notice> notice;
};
using work_ptr = std::shared_ptr<attempt_work>;

enum class fetched : std::uint8_t { ready, stale, failed };

fetched fetch(attempt_work& w) {
  const auto& p = w.s->p;
  const auto r = p.env.read([&](const read_txn& txn) {
    auto recipient = p.store.recipient(txn, w.row.recipient);
    if (!recipient || recipient->state != recipient_state::queued ||
        recipient->next_attempt_at != w.row.at)
      return false;
    auto message = p.store.message(txn, recipient->message);
    if (!message) return false;
    w.r = std::make_shared<queued_recipient>(std::move(*recipient));
    w.m = std::make_shared<queued_message>(std::move(*message));
    return true;
  });
  if (!r) {
    w.s->storage_failed(r.error());
    return fetched::failed;
  }
  return *r ? fetched::ready : fetched::stale;
}

// Held, purged or rescheduled meanwhile, or a left-over of that. The true row, if any, may lie
// behind what was looked at.
asio::awaitable<void> drop(work_ptr w) {
  auto op = [w](write_txn& txn) { w->s->p.store.drop_stale(txn, {&w->row, 1}); };
  co_await w->s->commit(std::move(op));
  const auto r = w->s->p.env.read(
      [&](const read_txn& txn) { return w->s->p.store.recipient(txn, w->row.recipient); });
  if (r && *r && (*r)->state == recipient_state::queued) w->s->seen((*r)->next_attempt_at);
}

asio::awaitable<void> postpone(work_ptr w, instant until) {
  auto due = std::make_shared<instant>();
  auto op = [w, until, due](write_txn& txn) {
    *due = w->s->p.store.postpone(txn, {&w->row, 1}, until);
  };
  if (co_await w->s->commit(std::move(op))) w->s->seen(*w->m, *due);
}

asio::awaitable<void> hold(work_ptr w, dispatch_decision why) {
  auto decision = std::make_shared<const dispatch_decision>(std::move(why));
  auto op = [w, decision](write_txn& txn) {
    auto after = *w->r;
    after.state = recipient_state::held;
    after.reason = decision->reason;
    after.rule = decision->rule;
    after.changed_at = w->facts.at;
    w->s->p.sink.held(txn, *w->m, *w->r, *decision);
    w->s->p.store.update(txn, after, w->row.group);
  };
  if (co_await w->s->commit(std::move(op))) ++w->s->counters.gate_held;
}

// What the row is to be after the attempt.
queued_recipient row_after(const attempt_work& w) {
  auto after = *w.r;
  after.attempts = w.facts.number;
  after.changed_at = w.facts.at;
  after.last_reply =
      w.outcome.last_reply.code != 0 ? smtp::to_string(w.outcome.last_reply) : w.outcome.cause;
  after.last_host = w.outcome.remote_host;
  after.reason = w.facts.reason;
  after.rule = w.facts.rule;
  after.delay_told = after.delay_told || w.delay_is_told;
  switch (w.outcome.kind) {
    case outcome_kind::delivered:
      after.state = recipient_state::delivered;
      break;
    case outcome_kind::bounced:
      after.state = recipient_state::bounced;
      break;
    case outcome_kind::deferred:
      after.state = recipient_state::queued;
      after.next_attempt_at = w.facts.next_attempt_at;
  }
  return after;
}

// A deferral becomes a bounce when the time is up.
void plan_next(attempt_work& w) {
  if (w.outcome.kind != outcome_kind::deferred) return;
  auto& s = *w.s;
  const auto rule = retry_rule_for(s.settings.retry, w.m->stream, *s.bounces(), w.facts.bounce);
  std::uniform_real_distribution<double> uniform{0.0, 1.0};
  const auto next = w.facts.at + retry_wait(rule, w.facts.number, uniform(s.random));
  if (next < w.m->expires_at) {
    w.facts.next_attempt_at = next;
    return;
  }
  // The last try is at the very end of its time, not a whole wait before it.
  if (w.facts.at + rule.first < w.m->expires_at) {
    w.facts.next_attempt_at = w.m->expires_at - std::chrono::milliseconds{1};
    return;
  }
  w.outcome.kind = outcome_kind::bounced;
  w.facts.reason = "queue.expired";
  w.text = "It could not be delivered in time; the last attempts all failed for a passing reason.";
}

// The DSN, if one is due. Its body is appended by the caller.
void make_notice(attempt_work& w) {
  auto& s = *w.s;
  if (!wants_notice(s.settings.notices, *w.m, *w.r, w.outcome.kind, w.facts.at)) return;
  // Without the original a notice is still worth sending.
  const auto data = s.p.bodies.read(w.m->body_at);
  auto told = to_notice_recipient(*w.r, w.outcome, w.facts.at, w.facts.reason, w.text);
  if (!w.facts.transmitted) told.last_attempt_at = {};
  w.delay_is_told = told.action == notice_action::delayed;
  if (w.delay_is_told) told.will_retry_until = w.m->expires_at;
  const auto seed = to_string(w.m->id) + to_string(w.r->id) + std::to_string(to_ms(w.facts.at));
  w.notice = make_bounce_notice(
      s.settings.notices, *w.m, {&told, 1}, data ? *data : std::string{}, w.facts.at,
      expiry_of(s.settings.retry, smtp::stream::transactional, w.facts.at), seed);
}

asio::awaitable<std::optional<spooled_body>> spool_notice(work_ptr w) {
  asio::steady_timer timer{w->s->executor};
  for (;;) {
    auto body = w->s->p.bodies.append(w->notice->data);
    if (body) co_return std::move(*body);
    // Without a place for the notice the outcome is not recorded either; going on would send the
    // copy again and again.
    if (body.error().kind == failure_kind::storage_broken) w->s->storage_failed(body.error());
    if (w->s->broken || w->s->stopped) co_return std::nullopt;
    timer.expires_after(w->s->settings.commit_again);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

void count(const attempt_work& w) {
  auto& c = w.s->counters;
  switch (w.outcome.kind) {
    case outcome_kind::delivered:
      ++c.delivered;
      break;
    case outcome_kind::deferred:
      ++c.deferred;
      break;
    case outcome_kind::bounced:
      ++c.bounced;
      break;
  }
  if (w.notice) ++c.notices;
}

// Queue, journal and all views change in one transaction.
asio::awaitable<void> settle(work_ptr w) {
  plan_next(*w);
  make_notice(*w);
  std::optional<spooled_body> body;  // its lease is held until the commit is done
  if (w->notice) {
    body = co_await spool_notice(w);
    if (!body) co_return;
    w->notice->message.body_at = body->location;
  }
  auto op = [w](write_txn& txn) {
    auto& p = w->s->p;
    // Cancelled on the way (an erasure, a purge): nobody is told of it any more.
    const auto now = p.store.recipient(txn, w->row.recipient);
    const bool is_cancelled = now && now->state == recipient_state::cancelled;
    p.sink.record(txn, *w->m, *w->r, w->outcome, w->facts);
    p.store.update(txn, row_after(*w), w->row.group);
    if (w->notice && !is_cancelled) {
      auto stored = w->notice->message;
      stored.id = p.store.accept(txn, stored, {&w->notice->recipient, 1});
      p.sink.notice_queued(txn, stored, w->notice->recipient);
    }
  };
  if (!co_await w->s->commit(std::move(op))) co_return;
  count(*w);
  w->s->p.sink.settled(*w->m, *w->r, w->outcome, w->facts);
  if (w->outcome.kind == outcome_kind::deferred) w->s->seen(*w->m, w->facts.next_attempt_at);
  if (w->notice) w->s->seen(w->notice->message, w->notice->recipient.next_attempt_at);
}

void refuse(attempt_work& w, const dispatch_decision& why) {
  w.outcome.kind = outcome_kind::bounced;
  w.outcome.last_reply.enhanced = why.code;
  w.outcome.cause = why.text;
  w.facts.reason = why.reason;
  w.facts.rule = why.rule;
  w.facts.policy_version = why.policy_version;
  w.text = why.text;
}

void expire(attempt_work& w) {
  w.outcome.kind = outcome_kind::bounced;
  w.outcome.last_reply.enhanced = {5, 4, 7};
  w.outcome.cause = w.r->last_reply.empty() ? "the time for delivery is over" : w.r->last_reply;
  w.facts.reason = "queue.expired";
  w.text = "It could not be delivered in time.";
  if (!w.r->last_reply.empty()) w.text += " The last answer was: " + w.r->last_reply;
}

// What it tells the pace of its path.
using path_news = working_set::ended;

working_set::contact contact_of(const smtp::outcome& o) {
  if (o.kind == outcome_kind::deferred &&
      (o.scope == outcome_scope::site || o.scope == outcome_scope::session))
    return working_set::contact::failed;
  return o.remote_host.empty() ? working_set::contact::none : working_set::contact::reached;
}

void note_reply(const attempt_work& w, std::string_view site) {
  const auto& o = w.outcome;
  w.s->replies.note({.site = std::string{site},
                     .at = w.facts.at,
                     .kind = o.kind,
                     .host = o.remote_host,
                     .text = without_address(
                         o.last_reply.code != 0 ? smtp::to_string(o.last_reply) : o.cause, *w.r)});
}

// Gate, courier, gate again where it closed on the way.
asio::awaitable<path_news> try_once(work_ptr w, departure from) {
  auto& s = *w->s;
  constexpr int gate_rounds_max = 3;
  for (int round = 0; round < gate_rounds_max; ++round) {
    const auto now = s.p.clock.now();
    w->facts = {.at = now, .number = w->r->attempts};
    if (now >= w->m->expires_at) {
      expire(*w);
      co_await settle(w);
      co_return path_news{};
    }
    dispatch_decision said;
    if (!w->m->is_notice) said = s.p.gate.ask(*w->m, *w->r);
    w->facts.policy_version = said.policy_version;
    using act = dispatch_decision::act;
    if (said.what == act::hold) {
      co_await hold(w, std::move(said));
      co_return path_news{};
    }
    if (said.what == act::refuse) {
      refuse(*w, said);
      co_await settle(w);
      co_return path_news{};
    }
    if (said.what == act::defer) {
      co_await postpone(w, std::max(said.until, now + std::chrono::seconds{1}));
      co_return path_news{};
    }
    std::function<bool()> may_start = [w] {
      return w->m->is_notice || w->s->p.gate.may_start(w->m->tenant, w->m->stream);
    };
    const auto begun = std::chrono::steady_clock::now();
    auto done = co_await s.p.carrier.carry(w->m, w->r, from, std::move(may_start));
    if (done.broken_off) continue;
    // From here on the outcome is known and must be recorded, whoever wants to stop.
    const auto wanted = co_await asio::this_coro::cancellation_state;
    if (wanted.cancelled() != asio::cancellation_type::none &&
        done.outcome.kind == outcome_kind::deferred && !done.maybe_delivered)
      co_return path_news{};
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    w->outcome = std::move(done.outcome);
    w->facts.at = s.p.clock.now();
    w->facts.number = w->r->attempts + 1;
    w->facts.transmitted = true;
    w->facts.maybe_delivered = done.maybe_delivered;
    w->facts.took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begun);
    judge_reply(*s.bounces(), w->outcome, w->facts);
    note_reply(*w, site_of_path(from.path));
    const path_news news{.reached = contact_of(w->outcome),
                         .delivered = w->outcome.kind == outcome_kind::delivered,
                         .advice = from.rules->advise(site_of_path(from.path), w->outcome)};
    if (news.advice.action != reply_action::none)
      log::info(room, "path_advised",
                {{"site", site_of_path(from.path)},
                 {"source", source_of_path(from.path)},
                 {"rule", news.advice.rule},
                 {"reply", without_address(smtp::to_string(w->outcome.last_reply), *w->r)}});
    co_await settle(w);
    co_return news;
  }
  co_await postpone(w, s.p.clock.now() + std::chrono::seconds{1});
  co_return path_news{};
}

}  // namespace

asio::awaitable<void> scheduler::state::attempt(std::shared_ptr<state> s,
                                                working_set::picked what) {
  co_await asio::this_coro::throw_if_cancelled(false);
  auto w = std::make_shared<attempt_work>();
  w->s = s;
  w->row = what.row;
  path_news news;
  departure from{.path = what.path,
                 .rules = s->rules(),
                 .messages_per_connection_max = what.messages_per_connection_max};
  from.from = from.rules->find_source(source_of_path(what.path));
  bool went_wrong = false;
  try {
    switch (fetch(*w)) {
      case fetched::ready:
        news = co_await try_once(w, std::move(from));
        break;
      case fetched::stale:
        co_await drop(w);
        break;
      case fetched::failed:
        break;
    }
  } catch (const boost::system::system_error& e) {
    // Cancelled before anything was decided: it stays due.
    went_wrong = e.code() != asio::error::operation_aborted;
    if (went_wrong)
      log::error(room, "attempt_failed",
                 {{"recipient", to_string(what.row.recipient)}, {"what", e.what()}});
  }
  const auto now = s->p.clock.now();
  if (went_wrong) co_await postpone(w, now + std::chrono::minutes{1});
  const auto given_back = s->memory.done(what, news, now);
  s->counters.in_flight = s->memory.in_flight();
  s->counters.working_set = s->memory.size();
  s->from_disk.put_back(given_back);
  if (const auto until = s->memory.closed_until(what.path, now); until && !given_back.empty()) {
    log::info(room, "path_closed",
              {{"site", site_of_path(what.path)},
               {"source", source_of_path(what.path)},
               {"until_ms", to_ms(*until)}});
  }
  s->wake();
}

}  // namespace consentry::queue
