#include "app/standing_review.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "app/live_settings.h"
#include "app/queue_control.h"
#include "app/store_rooms.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"

namespace consentry::app {

namespace asio = boost::asio;

namespace {

using reputation::complaint_count;
using reputation::standing_verdict;

constexpr std::string_view room = "app/standing_review";
constexpr std::size_t tenants_per_operation = 50;
constexpr std::chrono::milliseconds between_rounds{5000};
// Who blocks or unblocks moves the queue, too; this is for what was missed.
constexpr std::chrono::seconds left_alone{30};
constexpr std::size_t matter_bytes_max = 200;

std::string level_row(tenant_id tenant, std::uint32_t epoch, std::string_view matter) {
  return byte_writer{}
      .be32(tenant.value)
      .be32(epoch)
      .raw(matter.substr(0, matter_bytes_max))
      .take();
}

// What is told of a figure.
struct figure {
  std::string matter;  // of told_levels
  const char* watch;   // stable
  const char* rule;
  complaint_count count;
  std::string campaign;
  std::string provider;
};

// Journals the change of a level. The level of a figure that only lost complaints, or grew in mail,
// goes down as silently as it is read: but a recorded decision all the same.
void tell(write_txn& txn, store_rooms& rooms, tenant_id tenant, std::uint32_t epoch,
          const figure& f, std::uint8_t level, std::string_view (*name)(std::uint8_t), instant at) {
  const auto before = rooms.told_levels.level(txn, tenant, epoch, f.matter);
  if (before == level) return;
  rooms.told_levels.set(txn, tenant, epoch, f.matter, level);
  journal::event e;
  e.kind = journal::event_kind::warned;
  e.at = at;
  e.tenant = tenant;
  e.stream = smtp::stream::bulk;
  e.campaign = f.campaign;
  e.rule = f.rule;
  e.reason = std::string{f.watch} + "." + std::string{name(level)};
  e.actor = "gateway";
  e.facts["watch"] = f.watch;
  e.facts["from"] = name(before);
  e.facts["to"] = name(level);
  e.facts["complaints"] = std::to_string(f.count.complaints);
  e.facts["delivered"] = std::to_string(f.count.delivered);
  e.facts["epoch"] = std::to_string(epoch);
  if (!f.provider.empty()) e.facts["provider"] = f.provider;
  rooms.journal.append(txn, e);
}

std::string_view standing_name(std::uint8_t level) {
  return reputation::to_string(static_cast<standing_verdict>(level));
}
std::string_view provider_name(std::uint8_t level) {
  return reputation::to_string(static_cast<reputation::provider_verdict>(level));
}

}  // namespace

reputation::standing_knobs standing_knobs_of(const policy::rule_knobs& k) noexcept {
  return {.ratio_floor = static_cast<std::uint64_t>(k.ratio_floor),
          .window_days = k.ratio_window_days,
          .warn_percent = static_cast<unsigned>(k.ratio_warn_percent),
          .unblock_resets = k.unblock_reset,
          .provider_warn = static_cast<unsigned>(k.provider_warn),
          .provider_alarm = static_cast<unsigned>(k.provider_alarm)};
}

told_levels::told_levels(store_env& env) : levels_{env.open_table("told_levels")} {}

std::uint8_t told_levels::level(const read_txn& txn, tenant_id tenant, std::uint32_t epoch,
                                std::string_view matter) const {
  const auto bytes = txn.get(levels_, level_row(tenant, epoch, matter));
  return bytes ? byte_reader{*bytes}.u8() : std::uint8_t{0};
}

void told_levels::set(write_txn& txn, tenant_id tenant, std::uint32_t epoch,
                      std::string_view matter, std::uint8_t level) const {
  const auto key = level_row(tenant, epoch, matter);
  if (level == 0)
    txn.erase(levels_, key);
  else
    txn.put(levels_, key, byte_writer{}.u8(level).bytes());
}

bool review_standing(write_txn& txn, store_rooms& rooms, const policy::rule_knobs& rules,
                     tenant_id tenant, std::optional<std::string_view> campaign, instant at) {
  const auto standing = rooms.blocker.standing_of(txn, tenant);
  const auto knobs = standing_knobs_of(rules);
  const auto epoch = standing.epoch;
  const auto window = reputation::window_ending(reputation::day_of(at), knobs.window_days);
  auto figures = campaign ? rooms.tally.figures_with(txn, tenant, epoch, window, *campaign)
                          : rooms.tally.figures(txn, tenant, epoch, window, 0);
  for (const auto& p : rooms.tally.providers(txn, tenant, epoch, window))
    tell(txn, rooms, tenant, epoch,
         {.matter = "provider:" + p.provider,
          .watch = "provider",
          .rule = "C6",
          .count = p.count,
          .campaign = {},
          .provider = printable(p.provider, 100)},
         static_cast<std::uint8_t>(reputation::judge_provider(p.count, knobs)), provider_name, at);
  if (standing.bulk_blocked) return false;
  const auto decision = reputation::decide(figures, knobs);
  if (decision.verdict == standing_verdict::block)
    return rooms.blocker.block_for_ratio(txn, tenant, decision, at, knobs);
  const auto campaigns = std::exchange(figures.campaigns, {});
  tell(txn, rooms, tenant, epoch,
       {.matter = "ratio",
        .watch = "complaints",
        .rule = "A5",
        .count = figures.tenant,
        .campaign = {},
        .provider = {}},
       static_cast<std::uint8_t>(reputation::decide(figures, knobs).verdict), standing_name, at);
  for (const auto& c : campaigns) {
    const reputation::tenant_figures alone{
        .epoch = epoch, .window = window, .tenant = c.count, .campaigns = {}};
    tell(txn, rooms, tenant, epoch,
         {.matter = "ratio:" + c.campaign,
          .watch = "complaints",
          .rule = "A5",
          .count = c.count,
          .campaign = c.campaign,
          .provider = {}},
         static_cast<std::uint8_t>(reputation::decide(alone, knobs).verdict), standing_name, at);
  }
  return false;
}

asio::awaitable<std::vector<tenant_id>> review_all(store_rooms& rooms,
                                                   const policy::rule_knobs& rules, instant at) {
  const auto directory = rooms.directory.get();
  std::vector<tenant_id> all, blocked;
  for (const auto& t : directory->tenants()) all.push_back(t.id);
  auto knobs = std::make_shared<const policy::rule_knobs>(rules);
  for (std::size_t from = 0; from < all.size(); from += tenants_per_operation) {
    auto some = std::make_shared<const std::vector<tenant_id>>(
        all.begin() + static_cast<std::ptrdiff_t>(from),
        all.begin() +
            static_cast<std::ptrdiff_t>(std::min(all.size(), from + tenants_per_operation)));
    auto found = std::make_shared<std::vector<tenant_id>>();
    commit_loop::operation op = [&rooms, knobs, some, found, at](write_txn& txn) {
      found->clear();
      for (const auto t : *some)
        if (rooms.tenants.find_tenant(txn, t) &&
            review_standing(txn, rooms, *knobs, t, std::nullopt, at))
          found->push_back(t);
    };
    const auto done = co_await rooms.commits.commit(std::move(op));
    if (!done) {
      log::error(room, "review_failed", {{"cause", describe(done.error())}});
      continue;
    }
    blocked.insert(blocked.end(), found->begin(), found->end());
  }
  co_return blocked;
}

namespace {

// What the tenant's queue still owes its standing.
enum class owed : std::uint8_t { nothing, hold, release };

owed owed_of(const read_txn& txn, const store_rooms& rooms, tenant_id tenant, instant now) {
  const auto standing = rooms.blocker.standing_of(txn, tenant);
  if (standing.since == instant{} || now - standing.since < left_alone) return owed::nothing;
  if (standing.bulk_blocked)
    return rooms.queue.counts(txn, tenant, smtp::stream::bulk).queued != 0 ? owed::hold
                                                                           : owed::nothing;
  std::string resume;
  do {
    for (const auto& r : rooms.queue.waiting().by_reason(txn, tenant, resume, 1000))
      if (r.stream == smtp::stream::bulk && r.reason == reputation::bulk_blocked_reason &&
          r.held != 0)
        return owed::release;
  } while (!resume.empty());
  return owed::nothing;
}

asio::awaitable<void> settle_queues(store_rooms& rooms, const wall_clock& clock,
                                    std::function<void(instant due)> notify) {
  const auto directory = rooms.directory.get();
  const auto found = rooms.env.read([&](read_txn& txn) {
    std::vector<std::pair<tenant_id, owed>> out;
    for (const auto& t : directory->tenants())
      if (const auto what = owed_of(txn, rooms, t.id, clock.now()); what != owed::nothing)
        out.emplace_back(t.id, what);
    return out;
  });
  if (!found) {
    log::error(room, "store_unreadable", {{"cause", describe(found.error())}});
    co_return;
  }
  for (const auto& [tenant, what] : *found) {
    if (what == owed::hold) {
      co_await hold_bulk(rooms, clock, tenant);
      continue;
    }
    std::string why = "unblocked before", actor = "gateway";
    auto tell_queue = notify;
    const auto done = co_await release_blocked(rooms, clock, tenant, std::move(why),
                                               std::move(actor), std::move(tell_queue));
    if (!done) log::error(room, "release_failed", {{"cause", describe(done.error())}});
  }
}

}  // namespace

namespace {

asio::awaitable<void> tell_overdue_appeals(store_rooms& rooms, instant now) {
  auto told = std::make_shared<std::vector<appeal>>();
  commit_loop::operation op = [&rooms, told, now](write_txn& txn) {
    *told = rooms.appeals.tell_overdue(txn, now);
  };
  const auto done = co_await rooms.commits.commit(std::move(op));
  if (!done) {
    log::error(room, "appeals_failed", {{"cause", describe(done.error())}});
    co_return;
  }
  for (const auto& a : *told)
    log::error(
        room, "appeal_overdue",
        {{"tenant", a.tenant.value}, {"appeal", appeal_id(a.number)}, {"due", to_string(a.due)}});
}

}  // namespace

asio::awaitable<void> follow_standings(store_rooms& rooms, const live_settings& live,
                                       const wall_clock& clock,
                                       std::function<void(instant due)> notify_queue) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  auto first = notify_queue;
  co_await finish_unblocks(rooms, clock, std::move(first));
  std::optional<reputation::day_number> reviewed;
  for (;;) {
    const auto now = clock.now();
    if (const auto today = reputation::day_of(now); reviewed != today) {
      const auto policy = live.policy.get();
      for (const auto t : co_await review_all(rooms, policy->set->rules, now)) {
        log::warn(room, "bulk_blocked", {{"tenant", t.value}});
        co_await hold_bulk(rooms, clock, t);
      }
      co_await tell_overdue_appeals(rooms, now);
      reviewed = today;
    }
    auto notify = notify_queue;
    co_await settle_queues(rooms, clock, std::move(notify));
    timer.expires_after(between_rounds);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace consentry::app
