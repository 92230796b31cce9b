#include "app/queue_orders.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "app/desk_samples.h"
#include "base/log.h"

namespace consentry::app {

namespace asio = boost::asio;

asio::awaitable<result<std::uint64_t>> carry_out_whole(const queue_order_parts& p,
                                                       queue_order order, changed_so_far so_far) {
  const auto begun = p.clock.now();
  const auto what = order.what;
  // Before it is carried out: purged mail has no body any more.
  std::vector<desk_sample> samples;
  if (what == queue_act::release || what == queue_act::purge) {
    auto look = [&p, &order, begun] { return samples_of(p.rooms, order, begun); };
    samples = co_await p.workers.run(std::move(look));
  }
  auto done = co_await carry_out(p.rooms, p.clock, std::move(order), std::move(so_far));
  // Also where a later slice failed: the scheduler looks only where it is told to.
  if (what != queue_act::hold && what != queue_act::purge) p.notify_queue(begun);
  if (!done || samples.empty()) co_return done;
  commit_loop::operation keep = [&p, samples = std::move(samples)](write_txn& txn) {
    keep_samples(txn, p.rooms, samples);
  };
  const auto kept = co_await p.rooms.commits.commit(std::move(keep));
  if (!kept) co_return kept.error();
  co_return done;
}

struct queue_orders::running {
  queue_order_state is;
  changed_so_far changed = std::make_shared<std::atomic<std::uint64_t>>(0);
};

queue_order_state queue_orders::state_of(const running& r) {
  auto out = r.is;
  out.changed = *r.changed;
  return out;
}

// Of what the counts can tell; 0: they cannot.
std::uint64_t queue_orders::expected_of(const queue_order& order) const {
  const auto& f = order.which;
  if (f.message || f.recipient || f.held_because || f.state) return 0;
  const auto found = p_.rooms.env.read([&](read_txn& txn) {
    const auto& counts = p_.rooms.queue.waiting();
    queue::queue_counts sum;
    if (f.domains) {
      for (const auto& d : *f.domains) sum += counts.of_domain(txn, d, f.tenant);
    } else if (f.campaign) {
      std::string resume;
      for (const auto& c : counts.by_campaign(txn, f.tenant, f.stream, f.campaign, resume, 100))
        sum += c.waiting;
    } else {
      sum = counts.of(txn, f.tenant, f.stream);
    }
    return sum.queued + sum.held;
  });
  return found ? *found : 0;
}

result<std::uint64_t> queue_orders::start(queue_order order) {
  const auto going = std::count_if(all_.begin(), all_.end(),
                                   [](const auto& r) { return r->is.ended == instant{}; });
  if (static_cast<std::size_t>(going) >= running_max)
    return failure{.kind = failure_kind::limit,
                   .public_text = "so many orders are being carried out already; try again later"};
  auto r = std::make_shared<running>();
  r->is.number = ++last_;
  r->is.begun = p_.clock.now();
  r->is.expected = expected_of(order);
  r->is.order = std::move(order);
  all_.push_front(r);
  if (all_.size() > kept_max + running_max && all_.back()->is.ended != instant{}) all_.pop_back();
  tasks_.spawn(run(r));
  return r->is.number;
}

asio::awaitable<void> queue_orders::run(std::shared_ptr<running> r) {
  auto order = r->is.order;
  auto changed = r->changed;
  const auto done = co_await carry_out_whole(p_, std::move(order), std::move(changed));
  if (!done) {
    r->is.failed = done.error();
    log::error("app/queue_orders", "order_failed", {{"cause", describe(done.error())}});
  }
  r->is.ended = p_.clock.now();
  log::info("app/queue_orders", "order_ended",
            {{"order", r->is.number},
             {"what", name_of(r->is.order.what)},
             {"actor", r->is.order.actor},
             {"changed", r->changed->load()}});
}

asio::awaitable<std::optional<queue_order_state>> queue_orders::wait(
    std::uint64_t number, std::chrono::milliseconds most) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  const auto deadline = std::chrono::steady_clock::now() + most;
  auto pause = std::chrono::milliseconds{2};
  for (;;) {
    auto found = find(number);
    if (!found || found->ended != instant{} || std::chrono::steady_clock::now() >= deadline)
      co_return found;
    timer.expires_after(pause);
    co_await timer.async_wait(asio::use_awaitable);
    pause = std::min(pause * 2, std::chrono::milliseconds{100});
  }
}

std::optional<queue_order_state> queue_orders::find(std::uint64_t number) const {
  for (const auto& r : all_)
    if (r->is.number == number) return state_of(*r);
  return std::nullopt;
}

std::vector<queue_order_state> queue_orders::list() const {
  std::vector<queue_order_state> out;
  for (const auto& r : all_) out.push_back(state_of(*r));
  return out;
}

}  // namespace consentry::app
