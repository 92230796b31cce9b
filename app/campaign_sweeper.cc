#include "app/campaign_sweeper.h"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "app/own_mail.h"
#include "app/queue_control.h"
#include "base/log.h"

namespace consentry::app {

namespace asio = boost::asio;

namespace {

constexpr std::string_view room = "app/campaign_sweeper";
constexpr std::chrono::milliseconds between_rounds{500};
constexpr std::size_t sweeps_per_round = 64;
// The gate may have answered "hold" just before the release and commit it just after.
constexpr std::chrono::seconds stragglers{2};
constexpr std::chrono::days notice_lives{3};

std::string words_of(const campaign_state& s) {
  using policy::campaign_hold_cause;
  switch (s.hold->cause) {
    case campaign_hold_cause::unproven:
      return fmt::format(
          "{} of the {} recipients asked so far had no consent on record, or one without proof "
          "(terms 5.2).",
          s.hold->part, s.hold->whole);
    case campaign_hold_cause::bounces:
      return fmt::format("{} of the {} addresses delivered to so far do not exist (terms 5.4).",
                         s.hold->part, s.hold->whole);
    case campaign_hold_cause::traps:
      return fmt::format(
          "{} of the {} recipients asked so far are addresses that nobody can have consented with "
          "(terms 5.3).",
          s.hold->part, s.hold->whole);
    case campaign_hold_cause::unsubscribes:
      return fmt::format("{} of the {} recipients delivered to so far unsubscribed.", s.hold->part,
                         s.hold->whole);
    case campaign_hold_cause::volume:
      return fmt::format(
          "It has {} recipients so far, where the busiest day of the account in the 30 days before "
          "had {}.",
          s.hold->part, s.hold->whole);
    case campaign_hold_cause::person:
      return "A person at the abuse desk put it on hold: " + s.reason;
  }
  return {};
}

std::string words_hu(const campaign_state& s) {
  using policy::campaign_hold_cause;
  const auto part = s.hold->part, whole = s.hold->whole;
  switch (s.hold->cause) {
    case campaign_hold_cause::unproven:
      return fmt::format(
          "Az eddig megkérdezett {1} címzettből {0} hozzájárulása hiányzik vagy nem "
          "igazolt (feltételek 5.2).",
          part, whole);
    case campaign_hold_cause::bounces:
      return fmt::format("Az eddigi {1} kézbesítésből {0} cím nem létezik (feltételek 5.4).", part,
                         whole);
    case campaign_hold_cause::traps:
      return fmt::format(
          "Az eddig megkérdezett {1} címzettből {0} olyan cím, amelynek gazdája nem "
          "járulhatott hozzá (feltételek 5.3).",
          part, whole);
    case campaign_hold_cause::unsubscribes:
      return fmt::format("Az eddigi {1} kézbesítés után {0} címzett leiratkozott.", part, whole);
    case campaign_hold_cause::volume:
      return fmt::format(
          "Eddig {} címzettje van; a fiók megelőző 30 napjának legforgalmasabb napján {} volt.",
          part, whole);
    case campaign_hold_cause::person:
      return "Az ügyfélvédelem munkatársa tartotta vissza: " + s.reason;
  }
  return {};
}

std::optional<own_mail> notice_of(const campaign_sweeper_parts& p, const campaign_sweep& sweep,
                                  const campaign_state& s) {
  const auto directory = p.rooms.directory.get();
  const auto* t = directory->find(sweep.tenant);
  if (t == nullptr) return std::nullopt;
  const auto to = smtp::mailbox::parse(t->contact);
  if (!to || to->is_null()) {
    log::warn(room, "no_contact", {{"tenant", t->name}});
    return std::nullopt;
  }
  own_mail m;
  m.tenant = sweep.tenant;
  m.is_notice = true;
  m.about = policy::reason_of(s.hold->cause);
  m.from = p.postmaster;
  m.to = *to;
  m.subject = fmt::format("{0}: a kampány várakozik / your campaign {0} waits", s.name);
  const auto since = to_string_budapest(s.hold->since);
  m.text = fmt::format(
      "A(z) {0} kampány levelei {1} óta várakoznak.\n\n{2}\n\n"
      "Amit átvettünk, megvan; a kampány új leveleit is átvesszük, és azok is várakoznak. "
      "Munkatársunk "
      "engedi tovább, indoklással, ha az ügy rendeződött: kérjük, válaszoljon erre a levélre. "
      "Kifogását "
      "harminc napon belül megtárgyaljuk.\n\n---\n\n"
      "The mail of your campaign {0} is on hold since {1}.\n\n{3}\n\n"
      "What was accepted is kept, and new mail of the campaign is taken and waits with it. A "
      "person "
      "releases it, with a reason, once the matter is settled: please answer this mail. A "
      "grievance is "
      "negotiated within thirty days.\n",
      s.name, since, words_hu(s), words_of(s));
  return m;
}

// Both advertising streams; how many recipients changed. Failures are logged, and tried again in
// the next round.
asio::awaitable<std::optional<std::uint64_t>> follow(const campaign_sweeper_parts& p,
                                                     campaign_sweep sweep) {
  std::uint64_t changed = 0;
  for (const auto stream : {smtp::stream::bulk, smtp::stream::automation}) {
    queue_order order;
    order.what = sweep.is_release ? queue_act::release : queue_act::hold;
    order.reason = sweep.held_because;
    order.actor = "gateway";
    order.which.tenant = sweep.tenant;
    order.which.stream = stream;
    order.which.campaign = sweep.campaign;
    if (sweep.is_release) order.which.held_because = sweep.held_because;
    const auto done = co_await carry_out(p.rooms, p.clock, std::move(order));
    if (!done) {
      log::error(room, "sweep_failed", {{"cause", describe(done.error())}});
      co_return std::nullopt;
    }
    changed += *done;
  }
  co_return changed;
}

// The sweep's end, and the notice of a hold, in one transaction.
asio::awaitable<bool> finish(const campaign_sweeper_parts& p, campaign_sweep sweep) {
  std::shared_ptr<spooled_own_mail> notice;
  const auto now = p.clock.now();
  if (!sweep.is_release) {
    const auto s = p.rooms.env.read(
        [&](read_txn& txn) { return p.rooms.campaigns.find(txn, sweep.tenant, sweep.campaign); });
    if (!s) co_return false;
    if (const auto m = *s && (*s)->hold ? notice_of(p, sweep, **s) : std::nullopt) {
      auto spooled = spool_own_mail(p.rooms.bodies, *m, p.host_name, now, now + notice_lives);
      if (!spooled) {
        log::error(room, "notice_failed", {{"cause", describe(spooled.error())}});
        co_return false;
      }
      notice = std::make_shared<spooled_own_mail>(std::move(*spooled));
    }
  }
  commit_loop::operation op = [&rooms = p.rooms, sweep, notice](write_txn& txn) {
    if (rooms.campaigns.swept(txn, sweep) && notice) queue_own_mail(txn, rooms, *notice, "gateway");
  };
  const auto done = co_await p.rooms.commits.commit(std::move(op));
  if (done && notice) p.notify_queue(now);
  co_return done.has_value();
}

}  // namespace

asio::awaitable<std::size_t> sweep_once(const campaign_sweeper_parts& p) {
  const auto waiting = p.rooms.env.read(
      [&](read_txn& txn) { return p.rooms.campaigns.sweeps(txn, sweeps_per_round); });
  if (!waiting) {
    log::error(room, "store_unreadable", {{"cause", describe(waiting.error())}});
    co_return 0;
  }
  std::size_t done = 0;
  for (const auto& sweep : *waiting) {
    const auto begun = p.clock.now();
    const auto changed = co_await follow(p, sweep);
    if (!changed) continue;
    if (*changed != 0)
      log::info(
          room, sweep.is_release ? "released" : "held",
          {{"tenant", sweep.tenant.value}, {"campaign", sweep.campaign}, {"recipients", *changed}});
    if (sweep.is_release && *changed != 0) p.notify_queue(begun);
    if (sweep.is_release && (*changed != 0 || begun < sweep.since + stragglers)) continue;
    if (co_await finish(p, sweep)) ++done;
  }
  co_return done;
}

asio::awaitable<void> sweep_campaigns(campaign_sweeper_parts p) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  for (;;) {
    co_await sweep_once(p);
    timer.expires_after(between_rounds);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace consentry::app
